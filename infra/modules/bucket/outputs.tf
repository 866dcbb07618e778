output "id" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "versioning" {
  description = "State of versioning, for lifecycle rules on old versions, which must be created after it."
  value       = aws_s3_bucket_versioning.this.versioning_configuration[0].status
}
