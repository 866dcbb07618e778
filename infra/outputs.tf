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
  description = "ARN and alias of the access points, by uploader; the uploader uses one of the two instead of the bucket's name."
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
  description = "UUID of the event source mapping from the queue to the aggregator."
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
  description = "Names of the roles, for an environment's own additional policies."
  value       = { for function, arn in local.role_arns : function => split("/", arn)[1] }
}

output "worker_role_arns" {
  description = "Roles that the servers of worker_principal_arns may assume, by the function that they replace; empty if there are none."
  value       = { for function, arn in local.worker_role_arns : function => arn if arn != null }
}

output "operator_policy" {
  description = "Policy (JSON) for operators, with everything that the runbook needs except `windrow deploy`: attach it to the operators' role."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.operator_statements })
}

output "deployer_policy" {
  description = "Policy (JSON) for the pipeline that runs `windrow deploy`: attach it to the pipeline's role."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.deployer_statements })
}

output "alarm_names" {
  description = "Names of the alarms that notify people; `windrow deploy` watches them."
  value       = flatten(values(module.observability)[*].alarm_names)
}

output "alarm_topic_arn" {
  description = "Topic that alarms are published to; null without alarms."
  value       = one(values(module.observability)[*].topic_arn)
}

output "vpc_id" {
  description = "Id of the VPC, for a Route 53 Resolver rule or a private zone that resolves MinIO's name."
  value       = module.network.vpc_id
}

output "private_subnet_ids" {
  description = "Subnets of the functions, one in each zone."
  value       = module.network.subnet_ids
}

output "vpn_connection_ids" {
  description = "Ids of the VPN connections, from which the network team downloads the routers' configuration: first, and second if there are two; empty with another network path."
  value       = module.network.vpn_connection_ids
}

output "inventories" {
  description = "Where S3 delivers the inventories of the landing bucket, for `windrow audit --inventory`; null if the daily audit lists the bucket or is off."
  value       = one([for audit in values(module.auditor) : "s3://${audit.inventories_bucket}/inventory/${module.landing.bucket_name}/windrow/" if audit.inventories_bucket != null])
}

output "environment" {
  description = "Settings (WINDROW_*) for a worker or the command line."
  value = merge(flatten([values(module.retention)[*].environment, module.aggregator.environment, {
    WINDROW_EVENT_SOURCE_MAPPING_ID = module.aggregator.event_source_mapping.uuid
  }])...)
}
