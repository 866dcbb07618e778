output "aws_endpoint" {
  description = "Where MiniStack listens."
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
  description = "Where the destination listens."
  value       = var.destination_endpoint
}

output "destination_bucket" {
  description = "Bucket that archives go to."
  value       = var.destination_bucket
}

output "destination_region" {
  description = "Region that the destination signs for."
  value       = module.windrow.environment.WINDROW_DESTINATION_REGION
}

output "destination_secret_id" {
  description = "ARN of the secret that holds the destination's credentials. It has no value yet."
  value       = module.windrow.destination_secret_id
}

output "operator_policy" {
  description = "Policy (JSON) of who works through the runbook."
  value       = module.windrow.operator_policy
}

output "environment" {
  description = "What a worker needs in its environment: WINDROW_* and AWS_*, without access keys."
  value = merge(module.windrow.environment, {
    AWS_ENDPOINT_URL = var.aws_endpoint
    AWS_REGION       = module.windrow.region
  })
}
