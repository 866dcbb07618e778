# The most that a role created by the pipeline can do, whatever its policy: the stack's work on that stack, and nothing
# with IAM. Its name does not start with the stack's, so that the pipeline can't change it.
resource "aws_iam_policy" "boundary" {
  name        = "${var.name}-boundary"
  path        = "/pipeline/"
  description = "Bounds the roles of the stack ${var.name}."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # "*": any action of these services, on this stack's resources; each role's policy says which.
        Sid    = "WorkOfTheStack"
        Effect = "Allow"
        Action = ["dynamodb:*", "lambda:*", "logs:*", "s3:*", "secretsmanager:*", "sqs:*"]
        Resource = concat(
          local.bucket_arns,
          [for arn in local.bucket_arns : "${arn}/*"], # their objects
          [local.ledger_arn, local.secret_arn, local.queue_arns, local.function_arns, local.mapping_arns],
          [for arn in local.other_named_arns : "${arn}*" if strcontains(arn, ":log-group:")], # their streams
        )
      },
      {
        # "*": AWS chooses the ids of keys; the policies of roles and keys say which.
        Sid      = "UseKeys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = local.key_arns
      },
      {
        # "*": see modules/function/policy.tf; log groups can only be listed as a whole.
        Sid    = "WhatHasNoResource"
        Effect = "Allow"
        Action = [
          "ec2:AssignPrivateIpAddresses",
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSubnets",
          "ec2:UnassignPrivateIpAddresses",
          "logs:DescribeLogGroups",
        ]
        Resource = "*"
      },
    ]
  })
}
