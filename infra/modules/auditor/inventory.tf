# S3 lists all versions of the landing bucket once a day and delivers the lists to a separate bucket, so that they are
# not among the uploads.
locals {
  inventory_prefix = "inventory"
  inventory_id     = "windrow"
}

module "inventories" {
  source   = "../bucket"
  for_each = var.inventory == null ? {} : { this = var.inventory }

  name                     = each.value.bucket_name
  kms_key_arn              = var.lambda.kms_key_arn
  plaintext_loopback_cidrs = var.plaintext_loopback_cidrs
  force_destroy            = true # lists are written again every day and contain no files

  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/configure-inventory.html
  statements = [jsonencode({
    Sid       = "S3DeliversInventories"
    Effect    = "Allow"
    Principal = { Service = "s3.amazonaws.com" }
    Action    = "s3:PutObject"
    # "/*": S3 chooses the names of the lists.
    Resource = "arn:${data.aws_partition.current.partition}:s3:::${each.value.bucket_name}/${local.inventory_prefix}/${var.landing.bucket_name}/*"
    Condition = {
      StringEquals = { "aws:SourceAccount" = var.lambda.account_id }
      ArnEquals    = { "aws:SourceArn" = var.landing.bucket_arn }
    }
  })]
}

resource "aws_s3_bucket_lifecycle_configuration" "inventories" {
  for_each = module.inventories

  bucket = each.value.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.inventory.expire_after_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  lifecycle {
    precondition {
      condition     = each.value.versioning == "Enabled"
      error_message = "Lifecycle rules on old versions need versioning."
    }
  }
}

resource "aws_s3_bucket_inventory" "landing" {
  for_each = module.inventories

  bucket                   = var.landing.bucket_name
  name                     = local.inventory_id
  included_object_versions = "All"
  optional_fields          = ["ETag", "LastModifiedDate", "Size"]

  # Objects without events are not delivered, and would be reported as missing.
  dynamic "filter" {
    for_each = var.inventory.prefix == "" ? [] : [var.inventory.prefix]

    content {
      prefix = filter.value
    }
  }

  schedule {
    frequency = "Daily"
  }

  destination {
    bucket {
      bucket_arn = each.value.arn
      account_id = var.lambda.account_id
      format     = "CSV"
      prefix     = local.inventory_prefix

      encryption {
        sse_kms {
          key_id = var.lambda.kms_key_arn
        }
      }
    }
  }

  # After the bucket's policy, which lets S3 deliver.
  depends_on = [module.inventories]
}
