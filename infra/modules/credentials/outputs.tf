output "secret_arn" {
  description = "ARN of the secret."
  value       = aws_secretsmanager_secret.destination.arn
}

output "function_name" {
  description = "Name of the rotation function."
  value       = module.function.name
}

output "function_arn" {
  description = "ARN of the rotation function."
  value       = module.function.arn
}

output "role_arn" {
  description = "Role of the rotation function."
  value       = module.function.role_arn
}

output "log_group_name" {
  description = "Name of the rotation function's log group."
  value       = module.function.log_group_name
}
