resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:access is logged by CloudTrail data events, which are set up for an account and not for a stack
  #checkov:skip=CKV_AWS_144:the files are copies that are delivered within minutes; keeping them in a second region would double the cost
  #checkov:skip=CKV2_AWS_61:set by the module that uses this one
  #checkov:skip=CKV2_AWS_62:set by the module that uses this one, if it needs events

  bucket        = var.name
  force_destroy = var.force_destroy

  # So that the key is not scheduled for deletion before the bucket is deleted: its objects could not be read any more.
  depends_on = [var.kms_key_arn]
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}
