# What `terraform plan` may read: settings, but no files or secrets. The plan is made without the state's lock.
locals {
  state_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.state.bucket}"

  list_state = {
    Sid       = "FindTheState"
    Effect    = "Allow"
    Action    = ["s3:ListBucket"]
    Resource  = local.state_arn
    Condition = { StringEquals = { "s3:prefix" = var.state.key } }
  }

  read_state = [
    local.list_state,
    {
      Sid      = "ReadTheState"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = "${local.state_arn}/${var.state.key}"
    },
  ]

  # "*" in actions: what the provider reads of a resource changes with its version. None of these actions returns
  # a file, a message, an item of the ledger or a secret.
  read_stack = [
    {
      Sid    = "ReadBuckets"
      Effect = "Allow"
      Action = [
        "s3:GetAccelerateConfiguration",
        "s3:GetBucket*",
        "s3:GetEncryptionConfiguration",
        "s3:GetInventoryConfiguration",
        "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration",
        "s3:ListBucket",
        "s3:ListTagsForResource",
      ]
      Resource = local.bucket_arns
    },
    {
      # "*": settings only, as above.
      Sid      = "ReadAccessPoints"
      Effect   = "Allow"
      Action   = ["s3:GetAccessPoint*", "s3:ListTagsForResource"]
      Resource = "arn:${data.aws_partition.current.partition}:s3:${var.region}:${var.account_id}:accesspoint/*" # named by the uploaders
    },
    {
      # "*": settings only, as above.
      Sid    = "ReadWhatIsNamed"
      Effect = "Allow"
      Action = [
        "cloudwatch:GetDashboard",
        "cloudwatch:ListTagsForResource",
        "dynamodb:Describe*",
        "dynamodb:ListTagsOfResource",
        "events:Describe*",
        "events:List*",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        "iam:ListRoleTags",
        "lambda:Get*",
        "lambda:List*",
        "logs:ListTagsForResource",
        "scheduler:GetSchedule",
        "scheduler:ListTagsForResource",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy",
        "sns:Get*",  # "*": as above
        "sns:List*", # "*": as above
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ListQueueTags",
      ]
      Resource = concat(
        [local.ledger_arn, local.secret_arn, local.queue_arns, local.role_arns, local.function_arns, local.mapping_arns],
        local.other_named_arns,
      )
    },
    {
      Sid      = "ReadKeys"
      Effect   = "Allow"
      Action   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
      Resource = local.key_arns
    },
    {
      # "*": AWS supports nothing narrower for these.
      Sid    = "ReadWhatHasNoResource"
      Effect = "Allow"
      Action = [
        "cloudwatch:DescribeAlarms",
        "ec2:Describe*",
        "ec2:GetManagedPrefixListEntries",
        "kms:ListAliases",
        "lambda:GetEventSourceMapping",
        "logs:DescribeLogGroups",
        "route53resolver:GetResolverRuleAssociation",
        "route53resolver:ListResolverRuleAssociations",
        "sns:GetSubscriptionAttributes",
      ]
      Resource = "*"
    },
  ]
}
