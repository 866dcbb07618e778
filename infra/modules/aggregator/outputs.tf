output "function_name" {
  description = "Name of the function."
  value       = module.function.name
}

output "function_arn" {
  description = "ARN of the function, without a version."
  value       = module.function.arn
}

output "alias_name" {
  description = "Name of the alias in service."
  value       = aws_lambda_alias.live.name
}

output "role_arn" {
  description = "Role of the function."
  value       = module.function.role_arn
}

output "worker_role_arn" {
  description = "Role of workers on servers; null if there are none."
  value       = one(module.worker[*].role_arn)
}

output "event_source_mapping" {
  description = "UUID and ARN of the event source mapping from the queue to the alias."
  value       = { uuid = aws_lambda_event_source_mapping.queue.uuid, arn = aws_lambda_event_source_mapping.queue.arn }
}

output "timeout_s" {
  description = "Timeout of the function in seconds, from which the queue's visibility timeout is computed."
  value       = var.timeout_s
}

output "environment" {
  description = "Settings of the function, for a worker on a server."
  value       = module.function.environment
}

output "log_group_name" {
  description = "Name of the log group."
  value       = module.function.log_group_name
}
