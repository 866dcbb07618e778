locals {
  # "/*": all objects, for Deny statements.
  everything = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

  # "*" in these Deny statements: they must apply to everyone and to every action, including future ones.
  refusals = [
    {
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = local.everything
      Condition = merge(
        { Bool = { "aws:SecureTransport" = "false" } },
        length(var.plaintext_loopback_cidrs) == 0 ? {} : { NotIpAddress = { "aws:SourceIp" = sort(tolist(var.plaintext_loopback_cidrs)) } },
      )
    },
    {
      Sid       = "Tls12OrNewer"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = local.everything
      Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
    },
  ]

  # An object under another key could not be read by Windrow. Null: a request without the header gets the bucket's
  # default, which is right, but StringNotEquals alone would refuse it. "*" and "/*": Deny statements, as above.
  own_key_only = [for refusal in [
    {
      Sid = "NoOtherEncryption"
      Condition = {
        Null            = { "s3:x-amz-server-side-encryption" = "false" }
        StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
      }
    },
    {
      # Without a key id, S3 uses the key `aws/s3` of the caller's account, not the bucket's. If that is another
      # account, nobody here could ever read the object.
      Sid = "NoKeyOfTheCallersAccount"
      Condition = {
        StringEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
        Null         = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "true" }
      }
    },
    {
      Sid = "NoOtherKey"
      Condition = {
        Null            = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "false" }
        StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.kms_key_arn }
      }
    },
    {
      # SSE-C: the caller keeps the key, and S3 decrypts for nobody without it. "*" and "/*": Deny any request
      # with that header.
      Sid       = "NoKeyOfTheCaller"
      Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
    },
    ] : merge(refusal, {
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.this.arn}/*"
  })]

  # S3's limit for a policy is 20 KB. The Deny statements above take 3 KB of it.
  most_of_statements = 20480 - 3072
  statements_bytes   = length(join(",", var.statements))
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.refusals, local.own_key_only, [for statement in var.statements : jsondecode(statement)])
  })

  # S3 refuses a policy while the public access block is being changed.
  depends_on = [aws_s3_bucket_public_access_block.this]

  lifecycle {
    precondition {
      condition     = local.statements_bytes <= local.most_of_statements
      error_message = "The statements of the policy of ${var.name} take ${local.statements_bytes} bytes, but S3 allows ${local.most_of_statements}: give some of the uploaders access_point = true, or let several of them share a role."
    }
  }
}
