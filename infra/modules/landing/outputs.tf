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
  description = "Name and ARN of the bucket for copies of archives, under the key `this`; empty in mode raw."
  value       = { for copies in module.archive_copies : "this" => { bucket_name = copies.id, bucket_arn = copies.arn } }
}

output "access_points" {
  description = "ARN and alias of the access points, by uploader; the uploader uses one of the two instead of the bucket's name."
  value       = { for name, point in aws_s3_access_point.uploader : name => { arn = point.arn, alias = point.alias } }
}
