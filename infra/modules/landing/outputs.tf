output "bucket_name" {
  description = "Name of the landing bucket."
  value       = module.bucket.id
}

output "bucket_arn" {
  description = "ARN of the landing bucket."
  value       = module.bucket.arn
}

output "kms_key_arn" {
  description = "Key that encrypts the bucket; uploaders of other accounts need it in their own policies."
  value       = module.key.arn
}

output "archive_copies_bucket_name" {
  description = "Name of the bucket for copies of archives; null in mode raw."
  value       = one(module.archive_copies[*].id)
}

output "archive_copies_bucket_arn" {
  description = "ARN of the bucket for copies of archives; null in mode raw."
  value       = one(module.archive_copies[*].arn)
}
