output "function_name" {
  description = "Name of the function."
  value       = module.function.name
}

output "function_arn" {
  description = "ARN of the function, without a version."
  value       = module.function.arn
}

output "role_arn" {
  description = "Role of the function."
  value       = module.function.role_arn
}

output "log_group_name" {
  description = "Name of the log group."
  value       = module.function.log_group_name
}

output "inventories_bucket" {
  description = "Name of the bucket that S3 delivers inventories to; null if the audit lists the landing bucket."
  value       = one(values(module.inventories)[*].id)
}
