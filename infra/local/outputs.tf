output "aws_endpoint" {
  description = "Endpoint of MiniStack."
  value       = var.aws_endpoint
}

output "region" {
  description = "Region of the stack."
  value       = module.windrow.region
}

output "landing_bucket" {
  description = "Name of the landing bucket."
  value       = module.windrow.landing_bucket
}

output "function_name" {
  description = "Name of the aggregator."
  value       = module.windrow.function_name
}

output "destination_endpoint" {
  description = "Endpoint of the destination."
  value       = var.destination_endpoint
}

output "destination_bucket" {
  description = "Bucket for the archives."
  value       = var.destination_bucket
}

output "destination_region" {
  description = "Region that the destination expects in signatures."
  value       = module.windrow.environment.WINDROW_DESTINATION_REGION
}

output "destination_secret_id" {
  description = "ARN of the secret that holds the destination's credentials. It has no value yet."
  value       = module.windrow.destination_secret_id
}

output "operator_policy" {
  description = "Policy (JSON) for operators."
  value       = module.windrow.operator_policy
}

output "environment" {
  description = "Environment variables of a worker: WINDROW_* and AWS_*, without access keys."
  value = merge(module.windrow.environment, {
    AWS_ENDPOINT_URL = var.aws_endpoint
    AWS_REGION       = module.windrow.region
  })
}
