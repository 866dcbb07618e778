# mode archives: the bucket for the retention sweep's copies of archives. Daily operation does not read it.
module "archive_copies" {
  source = "../bucket"
  count  = var.retention.mode == "archives" ? 1 : 0

  name                     = "${var.bucket_name}-archives"
  kms_key_arn              = module.key.arn
  plaintext_loopback_cidrs = var.plaintext_loopback_cidrs
  force_destroy            = var.force_destroy
}

resource "aws_s3_bucket_lifecycle_configuration" "archive_copies" {
  count  = length(module.archive_copies)
  bucket = module.archive_copies[0].id

  transition_default_minimum_object_size = var.retention.smallest_moved

  # For objects that were not put into Deep Archive directly.
  rule {
    id     = "to-deep-archive"
    status = "Enabled"
    filter {}

    transition {
      days          = 0
      storage_class = "DEEP_ARCHIVE"
    }
  }

  dynamic "rule" {
    for_each = var.retention.expire_after_days[*]
    content {
      id     = "expire"
      status = "Enabled"
      filter {}

      expiration {
        days = rule.value
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

    noncurrent_version_expiration {
      noncurrent_days = var.retention.old_version_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }
}
