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

output "archive_copies" {
  description = "The bucket for copies of archives: none in mode raw, else its name and ARN under the key this."
  value       = { for copies in module.archive_copies : "this" => { bucket_name = copies.id, bucket_arn = copies.arn } }
}

output "access_points" {
  description = "ARN and alias of the access points, by uploader; each names one of them in place of the bucket."
  value       = { for name, point in aws_s3_access_point.uploader : name => { arn = point.arn, alias = point.alias } }
}
