resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = module.bucket.id

  # By default S3 does not move objects under 128 KB, which are most of them.
  transition_default_minimum_object_size = var.retention.smallest_moved

  # In mode archives the retention sweep deletes versions, old ones too, once they are delivered: a rule by age would
  # also delete undelivered ones.
  dynamic "rule" {
    for_each = var.retention.mode == "raw" ? [var.retention.hot_days] : []
    content {
      id     = "files-to-deep-archive"
      status = "Enabled"
      filter {}

      transition {
        days          = rule.value
        storage_class = "DEEP_ARCHIVE"
      }
    }
  }

  # This creates a delete marker, and the file becomes an old version.
  dynamic "rule" {
    for_each = var.retention.mode == "raw" ? var.retention.expire_after_days[*] : []
    content {
      id     = "expire"
      status = "Enabled"
      filter {}

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = var.retention.mode == "raw" ? [var.retention.old_version_days] : []
    content {
      id     = "old-versions"
      status = "Enabled"
      filter {}

      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }
    }
  }

  rule {
    id     = "remains"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  lifecycle {
    precondition {
      condition     = module.bucket.versioning == "Enabled"
      error_message = "Lifecycle rules on old versions need versioning."
    }
  }
}
