# What the command line needs at AWS, all of `windrow deploy` left out: that is for a pipeline, see
# docs/deploy-bluegreen.md. Given out as a document, since who operates is not this stack's to say.
locals {
  operator_statements = concat([
    {
      Sid      = "ListLandedFiles"
      Effect   = "Allow"
      Action   = ["s3:GetBucketNotification", "s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketVersions"]
      Resource = module.landing.bucket_arn
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
      Resource = module.ledger.arn
    },
    {
      Sid      = "QueueAgain"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource = module.queue.arn
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
      Resource = module.queue.dead_letter_arn
    },
    {
      Sid      = "SwitchTheMapping"
      Effect   = "Allow"
      Action   = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]
      Resource = module.aggregator.event_source_mapping.arn
    },
    {
      Sid      = "ReadTheFunctionsLimits"
      Effect   = "Allow"
      Action   = ["lambda:GetFunctionConfiguration"]
      Resource = [module.aggregator.function_arn, "${module.aggregator.function_arn}:${module.aggregator.alias_name}"]
    },
    {
      Sid      = "ReadCredentials"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = module.credentials.secret_arn
    },
    {
      Sid      = "DecryptLedgerAndSecret"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = module.key.arn
      Condition = {
        StringEquals = {
          "kms:ViaService" = ["dynamodb.${local.region}.amazonaws.com", "secretsmanager.${local.region}.amazonaws.com"]
        }
      }
    },
    {
      Sid      = "ReadTheQueuesAge"
      Effect   = "Allow"
      Action   = ["cloudwatch:GetMetricData"]
      Resource = "*" # CloudWatch offers nothing narrower
    },
    ], [for arn in local.archive_copies_arns : {
      Sid      = "ListCopies"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = arn
  }])
}
