locals {
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket_name}"

  # A multipart upload is a put too; with Abort a client can clean up. S3 requires PutObjectAcl if a client sends
  # `--acl bucket-owner-full-control`, which was usual before bucket owners could own all objects; the Deny statement
  # below allows only that value, which changes nothing. Tags (PutObjectTagging) are refused: archives would not contain
  # them, and the uploader could influence rules that depend on tags.
  upload_actions = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectAcl"]

  # In the bucket's policy, which about sixty uploaders fit into, or by an access point with its own policy.
  by_bucket_policy = sort([for name, uploader in var.uploaders : name if !uploader.access_point])
  by_access_point  = sort([for name, uploader in var.uploaders : name if uploader.access_point])

  # A principal of another account may do only what the bucket's policy allows. A principal of this account may also do
  # what its own policies allow, so everything else is denied to it by name.
  of_this_account = sort([for name, uploader in var.uploaders : name if strcontains(uploader.principal_arn, "::${var.account_id}:")])

  from_addresses = { for name, uploader in var.uploaders : name => length(uploader.source_cidrs) == 0 ? {} : {
    Condition = { IpAddress = { "aws:SourceIp" = uploader.source_cidrs } }
  } }

  # "/*" covers the objects under the prefix: the uploader chooses their names.
  allow_upload = { for name in local.by_bucket_policy : name => merge(
    {
      Sid       = "Upload${substr(sha256(name), 0, 8)}"
      Effect    = "Allow"
      Principal = { AWS = var.uploaders[name].principal_arn }
      Action    = local.upload_actions
      Resource  = "${local.bucket_arn}/${var.uploaders[name].prefix}*"
    },
    local.from_addresses[name],
  ) }

  # One statement for all prefixes.
  named_here = distinct(concat(local.by_bucket_policy, local.of_this_account))
  refuse_all_but_uploads = length(local.named_here) == 0 ? [] : [{
    Sid       = "UploadsOnly"
    Effect    = "Deny"
    Principal = { AWS = [for name in local.named_here : var.uploaders[name].principal_arn] }
    NotAction = local.upload_actions
    Resource  = [local.bucket_arn, "${local.bucket_arn}/*"] # all objects, in a refusal
  }]

  refuse_other_prefixes = [for name in local.of_this_account : {
    Sid         = "OwnPrefixOnly${substr(sha256(name), 0, 8)}"
    Effect      = "Deny"
    Principal   = { AWS = var.uploaders[name].principal_arn }
    Action      = local.upload_actions
    NotResource = "${local.bucket_arn}/${var.uploaders[name].prefix}*" # "*": its own objects
  }]

  # A request without an address (through a VPC endpoint) is refused too: a negated condition is true if its key is
  # missing.
  refuse_other_addresses = [for name in local.of_this_account : {
    Sid       = "OwnAddressesOnly${substr(sha256(name), 0, 8)}"
    Effect    = "Deny"
    Principal = { AWS = var.uploaders[name].principal_arn }
    Action    = local.upload_actions
    Resource  = "${local.bucket_arn}/*" # all objects, in a refusal
    Condition = { NotIpAddress = { "aws:SourceIp" = var.uploaders[name].source_cidrs } }
  } if length(var.uploaders[name].source_cidrs) > 0]

  # "*": a Deny statement for everyone and all objects.
  refuse_of_everyone = [
    {
      # An archived object can't be read until it is restored. A lifecycle rule may still archive it later.
      Sid       = "NoArchivedUploads"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "${local.bucket_arn}/*"
      Condition = { StringEquals = { "s3:x-amz-storage-class" = ["DEEP_ARCHIVE", "GLACIER"] } }
    },
    {
      Sid       = "NoOtherAcl"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObjectAcl"
      Resource  = "${local.bucket_arn}/*"
      Condition = { StringNotEquals = { "s3:x-amz-acl" = "bucket-owner-full-control" } }
    },
  ]

  statements = [for statement in concat(
    values(local.allow_upload),
    local.refuse_all_but_uploads,
    local.refuse_other_prefixes,
    local.refuse_other_addresses,
    local.refuse_of_everyone,
    local.by_access_points,
  ) : jsonencode(statement)]
}
