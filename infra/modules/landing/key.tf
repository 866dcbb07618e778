locals {
  # With a bucket key, S3 calls KMS on behalf of the bucket, not of the object.
  for_this_bucket = [
    { test = "StringEquals", variable = "kms:ViaService", values = ["s3.${var.region}.amazonaws.com"] },
    { test = "StringEquals", variable = "kms:EncryptionContext:aws:s3:arn", values = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket_name}"] },
  ]
}

module "key" {
  source = "../key"

  name        = "${var.bucket_name}-landing"
  description = "Encrypts the landing bucket ${var.bucket_name}."
  account_id  = var.account_id

  deletion_window_days = var.force_destroy ? 7 : 30

  # One grant for all uploaders: the limit for a key's policy is 32 KB.
  grants = length(var.uploaders) == 0 ? [] : [{
    sid        = "Uploaders"
    principals = { type = "AWS", identifiers = [for name in sort(keys(var.uploaders)) : var.uploaders[name].principal_arn] }
    # S3 needs Decrypt to assemble the parts of a multipart upload; S3 still refuses to read objects.
    actions    = ["kms:GenerateDataKey", "kms:Decrypt"]
    conditions = local.for_this_bucket
  }]
}
