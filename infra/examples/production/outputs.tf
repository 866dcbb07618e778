output "landing_bucket" {
  description = "Name of the landing bucket."
  value       = module.windrow.landing_bucket
}

output "landing_kms_key_arn" {
  description = "ARN of the key that the uploader's own policy must allow."
  value       = module.windrow.landing_kms_key_arn
}

output "destination_secret_id" {
  description = "ARN of the secret for MinIO's credentials."
  value       = module.windrow.destination_secret_id
}

output "function_name" {
  description = "Name of the function that `windrow deploy` deploys."
  value       = module.windrow.function_name
}

output "alarm_names" {
  description = "Alarms that `windrow deploy` watches."
  value       = module.windrow.alarm_names
}

output "vpc_id" {
  description = "Id of the VPC, for a Route 53 Resolver rule that resolves MinIO's name."
  value       = module.windrow.vpc_id
}

output "vpn_connection_ids" {
  description = "Ids of the VPN connections, for the routers' configuration: first, and second if there are two."
  value       = module.windrow.vpn_connection_ids
}

output "operator_policy" {
  description = "Policy for operators, with everything that the runbook needs."
  value       = module.windrow.operator_policy
}

output "deployer_policy" {
  description = "Policy for the pipeline that runs `windrow deploy`."
  value       = module.windrow.deployer_policy
}

output "environment" {
  description = "Settings (WINDROW_*) for the command line."
  value       = module.windrow.environment
}
