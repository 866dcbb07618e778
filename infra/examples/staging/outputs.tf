output "landing_bucket" {
  description = "Name of the landing bucket."
  value       = module.windrow.landing_bucket
}

output "landing_kms_key_arn" {
  description = "Key that the uploader's own policy must allow."
  value       = module.windrow.landing_kms_key_arn
}

output "destination_secret_id" {
  description = "Secret to put MinIO's credentials into."
  value       = module.windrow.destination_secret_id
}

output "function_name" {
  description = "Function that `windrow deploy` deploys."
  value       = module.windrow.function_name
}

output "alarm_names" {
  description = "Alarms that `windrow deploy` watches."
  value       = module.windrow.alarm_names
}

output "vpc_id" {
  description = "VPC, for a Route 53 Resolver rule that knows MinIO's name."
  value       = module.windrow.vpc_id
}

output "vpn_connection_ids" {
  description = "VPN connections, for the routers' configuration: first, and second if there are two."
  value       = module.windrow.vpn_connection_ids
}

output "operator_policy" {
  description = "Policy of who works through the runbook."
  value       = module.windrow.operator_policy
}

output "deployer_policy" {
  description = "Policy of the pipeline that runs `windrow deploy`."
  value       = module.windrow.deployer_policy
}

output "environment" {
  description = "Settings of the command line (WINDROW_*)."
  value       = module.windrow.environment
}
