locals {
  # In a key's own policy Resource "*" means this key; KMS supports nothing narrower.
  this_key = "*"

  administration = {
    Sid       = "AdministrationByIamPolicies"
    Effect    = "Allow"
    Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root" }
    Action = [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:DisableKeyRotation",
      "kms:EnableKey",
      "kms:EnableKeyRotation",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListAliases",
      "kms:ListGrants",
      "kms:ListKeyPolicies",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:RevokeGrant",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]
    Resource = local.this_key
  }

  # Roles of this account have the permission in their own policies, each restricted to a service by kms:ViaService.
  use = {
    Sid       = "UseByIamPolicies"
    Effect    = "Allow"
    Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root" }
    Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    Resource  = local.this_key
  }

  # DynamoDB (the table) and Lambda (a function's settings) use the key through grants, which they create with the
  # permission of whoever creates the table or function. The condition allows calls that a service makes on behalf of a
  # principal, as these are, and not the principal's own CreateGrant calls.
  # https://docs.aws.amazon.com/kms/latest/developerguide/grant-authorization.html
  service_grants = {
    Sid       = "GrantsForAwsServices"
    Effect    = "Allow"
    Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root" }
    Action    = ["kms:CreateGrant"]
    Resource  = local.this_key
    Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
  }

  granted = [for grant in var.grants : {
    Sid       = grant.sid
    Effect    = "Allow"
    Principal = { (grant.principals.type) = grant.principals.identifiers }
    Action    = grant.actions
    Resource  = local.this_key
    Condition = {
      for test in distinct(grant.conditions[*].test) : test => {
        for condition in grant.conditions : condition.variable => condition.values if condition.test == test
      }
    }
  }]

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.administration, local.use, local.service_grants], local.granted)
  })
}
