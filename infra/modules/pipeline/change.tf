# What `terraform apply` may change: everything of the stack, by its name. It can create buckets, keys, ledger and
# secret, but not destroy them: a person does that, see docs/deploy.md.
locals {
  write_state = [
    local.list_state,
    {
      Sid      = "WriteTheState"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = "${local.state_arn}/${var.state.key}"
    },
    {
      Sid      = "LockTheState"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      Resource = "${local.state_arn}/${var.state.key}.tflock"
    },
  ]

  change_stack = [
    {
      # "*": every setting of the stack's own resources.
      Sid    = "ChangeWhatIsNamed"
      Effect = "Allow"
      Action = [
        "cloudwatch:*",
        "dynamodb:CreateTable",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
        "events:*",
        "lambda:*",
        "logs:*",
        "scheduler:*",
        "secretsmanager:CancelRotateSecret",
        "secretsmanager:CreateSecret",
        "secretsmanager:PutResourcePolicy",
        "secretsmanager:RotateSecret",
        "secretsmanager:TagResource",
        "secretsmanager:UntagResource",
        "secretsmanager:UpdateSecret",
        "sns:*", # "*": as above
        "sqs:AddPermission",
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:RemovePermission",
        "sqs:SetQueueAttributes",
        "sqs:TagQueue",
        "sqs:UntagQueue",
      ]
      Resource = concat(
        [local.ledger_arn, local.secret_arn, local.queue_arns, local.function_arns, local.mapping_arns],
        local.other_named_arns,
      )
    },
    {
      # "*": every setting of the two buckets. Objects are other resources, which this statement does not name.
      Sid       = "ChangeBuckets"
      Effect    = "Allow"
      Action    = ["s3:CreateBucket", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutInventoryConfiguration", "s3:PutLifecycleConfiguration", "s3:DeleteBucketPolicy"]
      Resource  = local.bucket_arns
      Condition = { StringEquals = { "aws:ResourceAccount" = var.account_id } }
    },
    {
      # "*": access points are named after the uploaders.
      Sid      = "ChangeAccessPoints"
      Effect   = "Allow"
      Action   = ["s3:CreateAccessPoint", "s3:DeleteAccessPoint", "s3:DeleteAccessPointPolicy", "s3:PutAccessPointPolicy"]
      Resource = "arn:${data.aws_partition.current.partition}:s3:${var.region}:${var.account_id}:accesspoint/*"
    },
    {
      # For an alias AWS requires permission on the key too.
      Sid    = "ChangeKeys"
      Effect = "Allow"
      Action = [
        "kms:CreateAlias",
        "kms:DeleteAlias",
        "kms:EnableKeyRotation",
        "kms:PutKeyPolicy",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateAlias",
        "kms:UpdateKeyDescription",
      ]
      Resource = [local.key_arns, "${local.here.kms}:alias/${var.name}*", "${local.here.kms}:alias/${var.landing_bucket_name}*"] # by their names
    },
    {
      # Lambda, DynamoDB and Secrets Manager encrypt data on behalf of the caller.
      Sid       = "UseKeysThroughServices"
      Effect    = "Allow"
      Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = local.key_arns
      Condition = { StringEquals = { "kms:ViaService" = [for service in ["dynamodb", "lambda", "secretsmanager"] : "${service}.${var.region}.amazonaws.com"] } }
    },
    {
      # "*": these actions create resources without a name, or with one that AWS chooses; in this region only.
      Sid    = "ChangeTheNetworkAndMakeKeysAndMappings"
      Effect = "Allow"
      Action = [
        "ec2:*CustomerGateway",
        "ec2:*FlowLogs",
        "ec2:*Route",
        "ec2:*RouteTable",
        "ec2:*SecurityGroup",
        "ec2:*SecurityGroupEgress",
        "ec2:*SecurityGroupIngress",
        "ec2:*Subnet",
        "ec2:*SubnetAttribute",
        "ec2:*Tags",
        "ec2:*TransitGatewayVpcAttachment",
        "ec2:*VgwRoutePropagation",
        "ec2:*Vpc",
        "ec2:*VpcAttribute",
        "ec2:*VpcEndpoint",
        "ec2:*VpcEndpoints",
        "ec2:*VpnConnection",
        "ec2:*VpnGateway", # "*": as above
        "kms:CreateKey",
        "lambda:CreateEventSourceMapping",
        "route53resolver:AssociateResolverRule",
        "route53resolver:DisassociateResolverRule",
        "sns:Unsubscribe",
      ]
      Resource  = "*" # as above
      Condition = { StringEquals = { "aws:RequestedRegion" = var.region } }
    },
    {
      # "*": a Deny statement, for everything that is data or protects it.
      Sid    = "TheDataTierStays"
      Effect = "Deny"
      Action = [
        "dynamodb:DeleteTable",
        "kms:DisableKey",
        "kms:ScheduleKeyDeletion",
        "s3:DeleteBucket",
        "s3:GetObject*",
        "s3:DeleteObject*",
        "secretsmanager:DeleteSecret",
        "secretsmanager:GetSecretValue",
      ]
      NotResource = ["${local.state_arn}/${var.state.key}", "${local.state_arn}/${var.state.key}.tflock"]
    },
  ]

  change_roles = [
    {
      # A role that is created or given permissions without the boundary could do more than the pipeline itself.
      Sid    = "ChangeRolesWithinTheBoundary"
      Effect = "Allow"
      Action = [
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
      ]
      Resource  = local.role_arns
      Condition = { StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.boundary.arn } }
    },
    {
      # For requests without the boundary's condition key.
      Sid      = "ChangeWhatRolesAreFor"
      Effect   = "Allow"
      Action   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"]
      Resource = local.role_arns
    },
    {
      Sid       = "HandRolesToTheirServices"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = local.role_arns
      Condition = { StringEquals = { "iam:PassedToService" = ["lambda.amazonaws.com", "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com"] } }
    },
    {
      Sid      = "TheBoundaryStays"
      Effect   = "Deny"
      Action   = ["iam:DeleteRolePermissionsBoundary"]
      Resource = local.role_arns
    },
  ]
}
