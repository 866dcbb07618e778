locals {
  gateway_policies = {
    s3 = {
      # The objects of these buckets; their names are the uploaders'.
      resources = concat(var.gateway_endpoint_resources.s3, [for arn in var.gateway_endpoint_resources.s3 : "${arn}/*"])
      # Reading and putting: nothing in the VPC administers, and nothing but the retention sweep deletes.
      actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject"]
      more = flatten([for sweep in var.retention_sweep[*] : [
        {
          Sid       = "SweepDeletesLandedVersions"
          Effect    = "Allow"
          Principal = "*" # an endpoint's policy takes nothing narrower; the condition names the role
          Action    = ["s3:DeleteObjectVersion"]
          Resource  = ["${sweep.landing_bucket_arn}/*"]
          Condition = { StringEquals = { "aws:PrincipalAccount" = var.account_id, "aws:PrincipalArn" = sweep.role_arn } }
        },
        {
          Sid       = "SweepDropsParts"
          Effect    = "Allow"
          Principal = "*" # as above
          Action    = ["s3:AbortMultipartUpload"]
          Resource  = ["${sweep.copies_bucket_arn}/*"]
          Condition = { StringEquals = { "aws:PrincipalAccount" = var.account_id, "aws:PrincipalArn" = sweep.role_arn } }
        },
      ]])
    }
    dynamodb = {
      resources = var.gateway_endpoint_resources.dynamodb
      actions = [
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:PartiQLInsert",
        "dynamodb:PartiQLSelect",
        "dynamodb:PartiQLUpdate",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
      ]
      more = []
    }
  }
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.own_vpc ? local.gateway_policies : {}

  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private[0].id]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "OwnResourcesOnly"
      Effect    = "Allow"
      Principal = "*" # an endpoint's policy takes nothing narrower; the condition names the account
      Action    = each.value.actions
      Resource  = each.value.resources
      Condition = { StringEquals = { "aws:PrincipalAccount" = var.account_id } }
    }], each.value.more)
  })

  tags = { Name = "${var.name}-${each.key}" }
}
