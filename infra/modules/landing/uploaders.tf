locals {
  bucket_arn = "arn:aws:s3:::${var.bucket_name}"

  # A multipart upload is a put too; aborting is how a client cleans up after itself.
  upload_actions = ["s3:PutObject", "s3:AbortMultipartUpload"]

  # "/*" covers the objects under the prefix: their names are the uploader's to choose.
  allow_upload = [for name in sort(keys(var.uploaders)) : jsonencode(merge(
    {
      Sid       = "Upload${substr(sha256(name), 0, 8)}"
      Effect    = "Allow"
      Principal = { AWS = var.uploaders[name].principal_arn }
      Action    = local.upload_actions
      Resource  = "${local.bucket_arn}/${var.uploaders[name].prefix}*"
    },
    length(var.uploaders[name].source_cidrs) == 0 ? {} : {
      Condition = { IpAddress = { "aws:SourceIp" = var.uploaders[name].source_cidrs } }
    },
  ))]

  # Refusals hold even if the principal's own account, which may be this one, allows it more.
  refuse_the_rest = flatten([for name in sort(keys(var.uploaders)) : [
    jsonencode({
      Sid       = "UploadOnly${substr(sha256(name), 0, 8)}"
      Effect    = "Deny"
      Principal = { AWS = var.uploaders[name].principal_arn }
      NotAction = local.upload_actions
      Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
    }),
    jsonencode({
      Sid         = "OwnPrefixOnly${substr(sha256(name), 0, 8)}"
      Effect      = "Deny"
      Principal   = { AWS = var.uploaders[name].principal_arn }
      Action      = local.upload_actions
      NotResource = "${local.bucket_arn}/${var.uploaders[name].prefix}*"
    }),
  ]])

  # Of an archived object not even its bytes can be read before it is restored. A lifecycle rule may archive it later.
  refuse_archived = jsonencode({
    Sid       = "NoArchivedUploads"
    Effect    = "Deny"
    Principal = "*" # a refusal of everyone is what is meant
    Action    = "s3:PutObject"
    Resource  = "${local.bucket_arn}/*" # all objects
    Condition = { StringEquals = { "s3:x-amz-storage-class" = ["DEEP_ARCHIVE", "GLACIER"] } }
  })

  uploader_statements = concat(local.allow_upload, local.refuse_the_rest)
  statements          = concat(local.uploader_statements, [local.refuse_archived])
}
