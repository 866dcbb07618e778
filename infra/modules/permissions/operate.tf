# Permissions that the runbook's commands (docs/operations.md) need on files, queues, ledger and secret, both with
# functions and on servers.
locals {
  operate = [
    {
      Sid      = "ListLandedFiles"
      Effect   = "Allow"
      Action   = ["s3:GetBucketNotification", "s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketVersions"]
      Resource = var.landing.bucket_arn
    },
    {
      # For rejected files, deleted by hand one at a time.
      Sid      = "DeleteLandedVersions"
      Effect   = "Allow"
      Action   = ["s3:DeleteObjectVersion"]
      Resource = "${var.landing.bucket_arn}/*" # the objects of this one bucket
    },
    {
      # Files whose key is disabled or about to be deleted are rejected; these permissions can restore the key.
      Sid      = "SaveTheKeys"
      Effect   = "Allow"
      Action   = ["kms:CancelKeyDeletion", "kms:EnableKey"]
      Resource = [var.landing.kms_key_arn, var.kms_key_arn]
    },
    {
      Sid    = "ReadAndMendTheLedger"
      Effect = "Allow"
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:GetItem",
        "dynamodb:PartiQLInsert",
        "dynamodb:PartiQLUpdate",
        "dynamodb:PutItem",
      ]
      Resource = var.ledger_arn
    },
    {
      Sid      = "QueueAgain"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource = var.queue.arn
    },
    {
      Sid    = "HandleDeadLetters"
      Effect = "Allow"
      Action = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:StartMessageMoveTask",
      ]
      Resource = var.queue.dead_letter_arn
    },
    {
      Sid    = "UseAndReplaceCredentials"
      Effect = "Allow"
      Action = [
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:ListSecretVersionIds",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
      ]
      Resource = var.secret_arn
    },
    {
      Sid       = "UseLedgersAndSecretsKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = var.kms_key_arn
      Condition = local.through_ledger_and_secret
    },
  ]
}
