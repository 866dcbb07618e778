locals {
  environment = {
    AWS_REGION                    = local.region
    WINDROW_STACK                 = var.name
    WINDROW_LANDING_BUCKETS       = module.landing.bucket_name
    WINDROW_QUEUE_URL             = module.queue.url
    WINDROW_DLQ_URL               = module.queue.dead_letter_url
    WINDROW_LEDGER_TABLE          = module.ledger.name
    WINDROW_LEDGER_TTL_DAYS       = tostring(var.ledger_ttl_days)
    WINDROW_DESTINATION_ENDPOINT  = var.destination.endpoint
    WINDROW_DESTINATION_BUCKET    = var.destination.bucket
    WINDROW_DESTINATION_PREFIX    = var.destination.prefix
    WINDROW_DESTINATION_REGION    = var.destination.region
    WINDROW_DESTINATION_SECRET_ID = module.credentials.secret_arn
  }
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

output "destination_secret_id" {
  description = "ARN of the secret for the destination's credentials, without a value yet."
  value       = module.credentials.secret_arn
}

output "worker_role_arn" {
  description = "Role of the workers."
  value       = module.worker.role_arn
}

output "worker_profile_arn" {
  description = "ARN of the IAM Roles Anywhere profile for the role; null if no certificates are accepted."
  value       = module.worker.profile_arn
}

output "operator_policy" {
  description = "Policy (JSON) for operators, with everything that the runbook needs: attach it to the operators' role."
  value       = jsonencode({ Version = "2012-10-17", Statement = module.permissions.operate })
}

output "environment" {
  description = "Settings (WINDROW_*) for the workers and the command line, with AWS_REGION."
  value       = local.environment
}

output "environment_file" {
  description = "The same settings as the contents of a file, /etc/windrow/windrow.env."
  value       = join("", [for name, value in local.environment : "${name}=${value}\n" if value != ""])
}
