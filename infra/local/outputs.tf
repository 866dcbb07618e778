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

output "archive_copies_bucket" {
  description = "Name of the bucket for copies of archives."
  value       = module.windrow.archive_copies_bucket
}

output "queue_url" {
  description = "URL of the queue."
  value       = module.windrow.queue_url
}

output "dlq_url" {
  description = "URL of the dead-letter queue."
  value       = module.windrow.dlq_url
}

output "ledger_table" {
  description = "Name of the ledger table."
  value       = module.windrow.ledger_table
}

output "function_name" {
  description = "Name of the aggregator."
  value       = module.windrow.function_name
}

output "function_alias" {
  description = "Alias of the aggregator in service."
  value       = module.windrow.function_alias
}

output "event_source_mapping_id" {
  description = "UUID of the mapping from the queue to the aggregator."
  value       = module.windrow.event_source_mapping_id
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

output "role_arns" {
  description = "Roles of the functions."
  value       = module.windrow.role_arns
}

output "server_role_arn" {
  description = "Role of a server beside MinIO, which may take on the roles of worker_role_arns."
  value       = aws_iam_role.worker.arn
}

output "worker_role_arns" {
  description = "Roles for the work of the aggregator and of the retention sweep on a server."
  value       = module.windrow.worker_role_arns
}

output "operator_policy" {
  description = "Policy (JSON) of who works through the runbook."
  value       = module.windrow.operator_policy
}

output "operator_role_arn" {
  description = "Role of who works through the runbook."
  value       = aws_iam_role.operator.arn
}

output "deployer_role_arn" {
  description = "Role of the pipeline that runs `windrow deploy`."
  value       = aws_iam_role.deployer.arn
}

output "uploader" {
  description = "Role of the external party, and the prefix that it may put objects under."
  value       = { role_arn = aws_iam_role.partner.arn, prefix = "partner/" }
}

output "environment" {
  description = "What a worker needs in its environment: WINDROW_* and AWS_*, without access keys."
  value = merge(module.windrow.environment, {
    AWS_ENDPOINT_URL = var.aws_endpoint
    AWS_REGION       = module.windrow.region
  })
}
