output "landing_bucket" {
  description = "Name of the landing bucket."
  value       = module.windrow.landing_bucket
}

output "landing_kms_key_arn" {
  description = "ARN of the key that the uploader's own policy must allow."
  value       = module.windrow.landing_kms_key_arn
}

output "destination_secret_id" {
  description = "ARN of the secret for the destination's credentials."
  value       = module.windrow.destination_secret_id
}

output "worker_role_arn" {
  description = "ARN of the role that the servers assume."
  value       = module.windrow.worker_role_arn
}

output "worker_profile_arn" {
  description = "ARN of the IAM Roles Anywhere profile for that role."
  value       = module.windrow.worker_profile_arn
}

output "operator_policy" {
  description = "Policy for operators, with everything that the runbook needs."
  value       = module.windrow.operator_policy
}

output "environment_file" {
  description = "Settings of the servers, as the contents of a file."
  value       = module.windrow.environment_file
}
