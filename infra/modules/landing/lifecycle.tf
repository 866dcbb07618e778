resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = module.bucket.id

  # By S3's own default, objects under 128 KB stay where they are: that is most of them.
  transition_default_minimum_object_size = var.retention.smallest_moved

  rule {
    id     = var.retention.mode == "raw" ? "files-to-deep-archive" : "files-expire"
    status = "Enabled"
    filter {}

    dynamic "transition" {
      for_each = var.retention.mode == "raw" ? [var.retention.hot_days] : []
      content {
        days          = transition.value
        storage_class = "DEEP_ARCHIVE"
      }
    }

    dynamic "expiration" {
      for_each = var.retention.mode == "archives" ? [var.retention.hot_days] : []
      content {
        days = expiration.value
      }
    }
  }

  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.retention.old_version_days
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
      error_message = "Rules on old versions need versioning."
    }
  }
}
