locals {
  # Only the actions that the functions use there; their roles' policies say which function may use which.
  gateway_policies = {
    s3 = concat(
      [{
        Sid    = "ReadLandedFiles"
        Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"]
        # "/*": the objects of these buckets; the uploaders choose their names.
        Resource = concat(var.gateway_endpoint_resources.s3, [for arn in var.gateway_endpoint_resources.s3 : "${arn}/*"])
      }],
      [for arn in var.gateway_endpoint_resources.archive_copies : {
        Sid      = "KeepCopies"
        Action   = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
        Resource = [arn, "${arn}/*"] # the objects of this one bucket, named after their minute
      }],
      flatten([for sweep in var.retention_sweep[*] : [
        {
          Sid       = "SweepDeletesLandedVersions"
          Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
          Resource  = ["${sweep.landing_bucket_arn}/*"] # the objects of this one bucket
          Condition = { StringEquals = { "aws:PrincipalAccount" = var.account_id, "aws:PrincipalArn" = sweep.role_arn } }
        },
        {
          Sid       = "SweepDropsParts"
          Action    = ["s3:AbortMultipartUpload"]
          Resource  = ["${sweep.copies_bucket_arn}/*"] # the objects of this one bucket
          Condition = { StringEquals = { "aws:PrincipalAccount" = var.account_id, "aws:PrincipalArn" = sweep.role_arn } }
        },
      ]]),
    )
    dynamodb = [{
      Sid = "KeepTheLedger"
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:PartiQLInsert",
        "dynamodb:PartiQLUpdate",
        "dynamodb:PutItem",
      ]
      Resource = var.gateway_endpoint_resources.dynamodb
    }]
  }
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = { for service, statements in local.gateway_policies : service => statements if local.own_vpc }

  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private[0].id]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in each.value : merge({
      Effect    = "Allow"
      Principal = "*" # an endpoint's policy takes nothing narrower; the condition names the account
      Condition = { StringEquals = { "aws:PrincipalAccount" = var.account_id } }
    }, statement)]
  })

  tags = { Name = "${var.name}-${each.key}" }
}
