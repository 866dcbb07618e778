# The permissions to build and deliver archives, on Lambda and on servers.
locals {
  through_ledger_and_secret = {
    StringEquals = {
      "kms:ViaService" = ["dynamodb.${var.region}.amazonaws.com", "secretsmanager.${var.region}.amazonaws.com"]
    }
  }

  read_landing = [
    {
      Sid    = "ReadLandedFiles"
      Effect = "Allow"
      Action = ["s3:GetObject", "s3:GetObjectVersion"]
      # "/*" covers the objects of this one bucket: the uploaders choose their names.
      Resource = "${var.landing.bucket_arn}/*"
    },
    {
      # Without it S3 answers 403 for a missing object, as for a missing permission.
      Sid      = "TellMissingFromRefused"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = var.landing.bucket_arn
    },
    {
      Sid       = "DecryptLandedFiles"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = var.landing.kms_key_arn
      Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
    },
  ]

  use_queues = [
    {
      Sid    = "ReadQueue"
      Effect = "Allow"
      Action = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
      ]
      Resource = var.queue.arn
    },
    {
      Sid      = "RejectForGood"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = var.queue.dead_letter_arn
    },
  ]

  use_ledger = [{
    Sid    = "ClaimAndRecord"
    Effect = "Allow"
    Action = [
      "dynamodb:BatchGetItem",
      "dynamodb:PartiQLInsert",
      "dynamodb:PartiQLUpdate",
      "dynamodb:PutItem",
    ]
    Resource = var.ledger_arn
  }]

  read_secret = [
    {
      Sid      = "ReadCredentials"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = var.secret_arn
    },
    {
      Sid    = "DecryptLedgerAndSecret"
      Effect = "Allow"
      Action = ["kms:Decrypt"]
      # The same key for both; DynamoDB encrypts with its own grant.
      Resource  = var.kms_key_arn
      Condition = local.through_ledger_and_secret
    },
  ]
}
