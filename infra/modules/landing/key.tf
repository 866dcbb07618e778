locals {
  # With a bucket key, S3 asks KMS in the name of the bucket, not of the object.
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

  # One grant for all uploaders: a key's policy has room for 32 KB.
  grants = length(var.uploaders) == 0 ? [] : [{
    sid        = "Uploaders"
    principals = { type = "AWS", identifiers = [for name in sort(keys(var.uploaders)) : var.uploaders[name].principal_arn] }
    # Decrypt is what S3 needs to put the parts of a multipart upload together; reading objects stays refused by S3.
    actions    = ["kms:GenerateDataKey", "kms:Decrypt"]
    conditions = local.for_this_bucket
  }]
}
