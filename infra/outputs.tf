locals {
  role_arns = merge(
    {
      aggregator = module.aggregator.role_arn
      sentinel   = module.sentinel.role_arn
    },
    { for rotation in values(module.rotation) : "rotation" => rotation.role_arn },
    { for sweep in values(module.retention) : "retention" => sweep.role_arn },
    { for audit in values(module.auditor) : "auditor" => audit.role_arn },
  )

  worker_role_arns = merge(
    { aggregator = module.aggregator.worker_role_arn },
    { for sweep in values(module.retention) : "retention" => sweep.worker_role_arn },
  )
}

output "region" {
  description = "Region of the stack."
  value       = local.region
}

output "landing_bucket" {
  description = "Name of the landing bucket."
  value       = module.landing.bucket_name
}

output "landing_kms_key_arn" {
  description = "Key of the landing bucket; uploaders of other accounts need it in their own policies."
  value       = module.landing.kms_key_arn
}

output "access_points" {
  description = "ARN and alias of the access points, by uploader; each names one of them in place of the bucket."
  value       = module.landing.access_points
}

output "archive_copies_bucket" {
  description = "Name of the bucket for copies of archives; null in retention mode raw."
  value       = one(values(module.landing.archive_copies)[*].bucket_name)
}

output "queue_url" {
  description = "URL of the queue."
  value       = module.queue.url
}

output "dlq_url" {
  description = "URL of the dead-letter queue."
  value       = module.queue.dead_letter_url
}

output "ledger_table" {
  description = "Name of the ledger table."
  value       = module.ledger.name
}

output "function_name" {
  description = "Name of the aggregator, which `windrow deploy` deploys."
  value       = module.aggregator.function_name
}

output "function_alias" {
  description = "Alias of the aggregator in service."
  value       = module.aggregator.alias_name
}

output "event_source_mapping_id" {
  description = "UUID of the mapping from the queue to the aggregator."
  value       = module.aggregator.event_source_mapping.uuid
}

output "destination_secret_id" {
  description = "ARN of the secret that holds MinIO's credentials."
  value       = module.credentials.secret_arn
}

output "role_arns" {
  description = "Roles of the functions."
  value       = local.role_arns
}

output "role_names" {
  description = "Names of the roles, to which an environment may add policies of its own."
  value       = { for function, arn in local.role_arns : function => split("/", arn)[1] }
}

output "worker_role_arns" {
  description = "Roles that the servers of worker_principal_arns may take on, by the function whose work they do; empty without any."
  value       = { for function, arn in local.worker_role_arns : function => arn if arn != null }
}

output "operator_policy" {
  description = "Policy (JSON) of who works through the runbook, without `windrow deploy`: attach it to the operators' role."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.operator_statements })
}

output "deployer_policy" {
  description = "Policy (JSON) of the pipeline that runs `windrow deploy`: attach it to the pipeline's role."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.deployer_statements })
}

output "alarm_names" {
  description = "Alarms that tell people; `windrow deploy` watches them."
  value       = flatten(values(module.observability)[*].alarm_names)
}

output "alarm_topic_arn" {
  description = "Topic that alarms are published to; null without alarms."
  value       = one(values(module.observability)[*].topic_arn)
}

output "vpc_id" {
  description = "The VPC, for a Route 53 Resolver rule or a private zone that knows MinIO's name."
  value       = module.network.vpc_id
}

output "private_subnet_ids" {
  description = "Subnets of the functions, one a zone."
  value       = module.network.subnet_ids
}

output "vpn_connection_ids" {
  description = "The VPN connections, from which the network team downloads the routers' configuration: first, and second if there are two; none with another way on-premises."
  value       = module.network.vpn_connection_ids
}

output "inventories" {
  description = "Where S3 delivers the inventories of the landing bucket, for `windrow audit --inventory`; null where the daily audit lists or is off."
  value       = one([for audit in values(module.auditor) : "s3://${audit.inventories_bucket}/inventory/${module.landing.bucket_name}/windrow/" if audit.inventories_bucket != null])
}

output "environment" {
  description = "Settings (WINDROW_*) of a worker or of the command line."
  value = merge(flatten([values(module.retention)[*].environment, module.aggregator.environment, {
    WINDROW_EVENT_SOURCE_MAPPING_ID = module.aggregator.event_source_mapping.uuid
  }])...)
}
