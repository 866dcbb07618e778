locals {
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket_name}"

  # A multipart upload is a put too; aborting is how a client cleans up after itself. PutObjectAcl is what S3 asks for
  # where a client says `--acl bucket-owner-full-control`, as it was the custom before buckets could own what is put
  # into them; the refusal below leaves it that one value, which changes nothing. Tags (PutObjectTagging) are refused:
  # no archive would hold them, and a rule that goes by tags would be the uploader's to steer.
  upload_actions = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectAcl"]

  # By the bucket's policy, which has room for some sixty, or each by an access point with a policy of its own.
  by_bucket_policy = sort([for name, uploader in var.uploaders : name if !uploader.access_point])
  by_access_point  = sort([for name, uploader in var.uploaders : name if uploader.access_point])

  # A principal of another account may do only what the bucket's policy allows. One of this account may do what its own
  # policies allow as well: it is refused the rest by name.
  of_this_account = sort([for name, uploader in var.uploaders : name if strcontains(uploader.principal_arn, "::${var.account_id}:")])

  from_addresses = { for name, uploader in var.uploaders : name => length(uploader.source_cidrs) == 0 ? {} : {
    Condition = { IpAddress = { "aws:SourceIp" = uploader.source_cidrs } }
  } }

  # "/*" covers the objects under the prefix: their names are the uploader's to choose.
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

  # One statement for all of them.
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

  # A request without an address (through a VPC endpoint) is refused too: a negated condition holds where its key is
  # missing.
  refuse_other_addresses = [for name in local.of_this_account : {
    Sid       = "OwnAddressesOnly${substr(sha256(name), 0, 8)}"
    Effect    = "Deny"
    Principal = { AWS = var.uploaders[name].principal_arn }
    Action    = local.upload_actions
    Resource  = "${local.bucket_arn}/*" # all objects, in a refusal
    Condition = { NotIpAddress = { "aws:SourceIp" = var.uploaders[name].source_cidrs } }
  } if length(var.uploaders[name].source_cidrs) > 0]

  # "*": a refusal of everyone is what is meant, for all objects.
  refuse_of_everyone = [
    {
      # Of an archived object not even its bytes can be read before it is restored. A lifecycle rule may archive it later.
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
