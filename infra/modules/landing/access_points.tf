# For more uploaders than fit into the bucket's policy: an access point for each, with its own policy. The uploader uses
# its alias or ARN instead of the bucket's name; events, keys and archives are the same.
locals {
  access_point_names = { for name in local.by_access_point : name => "windrow-${substr(sha256("${var.bucket_name}/${name}"), 0, 16)}" }

  # AWS's delegation to access points: the bucket allows these actions to everyone whom an access point of this account
  # allows. "*" and "/*": the access points restrict principals and prefixes.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
  by_access_points = length(local.by_access_point) == 0 ? [] : [{
    Sid       = "WhatAccessPointsAllow"
    Effect    = "Allow"
    Principal = { AWS = "*" }
    Action    = local.upload_actions
    Resource  = "${local.bucket_arn}/*"
    Condition = { StringEquals = { "s3:DataAccessPointAccount" = var.account_id } }
  }]
}

resource "aws_s3_access_point" "uploader" {
  for_each = local.access_point_names

  bucket = module.bucket.id
  name   = each.value

  public_access_block_configuration {
    block_public_acls       = true
    block_public_policy     = true
    ignore_public_acls      = true
    restrict_public_buckets = true
  }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      {
        Sid       = "Upload"
        Effect    = "Allow"
        Principal = { AWS = var.uploaders[each.key].principal_arn }
        Action    = local.upload_actions
        # "*" covers the objects under the prefix: the uploader chooses their names.
        Resource = "arn:${data.aws_partition.current.partition}:s3:${var.region}:${var.account_id}:accesspoint/${each.value}/object/${var.uploaders[each.key].prefix}*"
      },
      local.from_addresses[each.key],
    )]
  })
}
