output "landing_bucket" {
  description = "Name of the landing bucket."
  value       = module.windrow.landing_bucket
}

output "landing_kms_key_arn" {
  description = "Key that the uploader's own policy must allow."
  value       = module.windrow.landing_kms_key_arn
}

output "destination_secret_id" {
  description = "Secret to put the destination's credentials into."
  value       = module.windrow.destination_secret_id
}

output "worker_role_arn" {
  description = "Role that the servers take on."
  value       = module.windrow.worker_role_arn
}

output "worker_profile_arn" {
  description = "Profile of IAM Roles Anywhere that leads to it."
  value       = module.windrow.worker_profile_arn
}

output "operator_policy" {
  description = "Policy of who works through the runbook."
  value       = module.windrow.operator_policy
}

output "environment_file" {
  description = "Settings of the servers, as the text of a file."
  value       = module.windrow.environment_file
}
