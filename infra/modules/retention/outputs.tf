output "function_name" {
  description = "Name of the function."
  value       = module.function.name
}

output "role_arn" {
  description = "Role of the function."
  value       = module.function.role_arn
}

output "worker_role_arn" {
  description = "Role of servers that run `windrow retain`; null if there are none."
  value       = one(module.worker[*].role_arn)
}

output "log_group_name" {
  description = "Name of the log group."
  value       = module.function.log_group_name
}

output "environment" {
  description = "Settings (WINDROW_*) of the function."
  value       = module.function.environment
}
