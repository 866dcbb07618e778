# Read by the verification of a stack (`make aws-verify`), here and on AWS, where examples/staging has the other
# outputs.
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

output "function_alias" {
  description = "Alias of the aggregator in service."
  value       = module.windrow.function_alias
}

output "event_source_mapping_id" {
  description = "UUID of the event source mapping from the queue to the aggregator."
  value       = module.windrow.event_source_mapping_id
}

output "role_arns" {
  description = "Roles of the functions."
  value       = module.windrow.role_arns
}

output "server_role_arn" {
  description = "Role of a server next to MinIO, which may assume the roles of worker_role_arns."
  value       = aws_iam_role.worker.arn
}

output "worker_role_arns" {
  description = "Roles for the work of the aggregator and of the retention sweep on a server."
  value       = module.windrow.worker_role_arns
}

output "operator_role_arn" {
  description = "Role of the operators."
  value       = aws_iam_role.operator.arn
}

output "deployer_role_arn" {
  description = "Role of the pipeline that runs `windrow deploy`."
  value       = aws_iam_role.deployer.arn
}

output "uploader" {
  description = "Role of the external party, and the prefix under which it may put objects."
  value       = { role_arn = aws_iam_role.partner.arn, prefix = "partner/" }
}
