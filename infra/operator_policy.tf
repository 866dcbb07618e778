# The AWS permissions that the runbook's commands need (docs/operations.md), both `windrow` and `aws`. Not included are
# `windrow deploy`, which is for a pipeline (deployer_policy.tf), and `windrow run` and `windrow retain`, which have
# roles of their own (worker_principal_arns). An output, not a role, since the company decides who operates the stack.
module "permissions" {
  source = "./modules/permissions"

  region      = local.region
  landing     = { bucket_arn = module.landing.bucket_arn, kms_key_arn = module.landing.kms_key_arn }
  queue       = { arn = module.queue.arn, dead_letter_arn = module.queue.dead_letter_arn }
  ledger_arn  = module.ledger.arn
  secret_arn  = module.credentials.secret_arn
  kms_key_arn = module.key.arn
}

locals {
  log_group_arns = [for name in compact([
    module.aggregator.log_group_name,
    module.sentinel.log_group_name,
    one(values(module.rotation)[*].log_group_name),
    one(values(module.retention)[*].log_group_name),
    one(values(module.auditor)[*].log_group_name),
  ]) : "arn:${data.aws_partition.current.partition}:logs:${local.region}:${local.account_id}:log-group:${name}:*"] # the streams

  operator_statements = concat(module.permissions.operate, [
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
      Sid      = "ReadTheFunctionsConcurrency"
      Effect   = "Allow"
      Action   = ["lambda:GetFunctionConcurrency"]
      Resource = [module.aggregator.function_arn, module.sentinel.function_arn]
    },
    {
      Sid      = "ReadTheLogs"
      Effect   = "Allow"
      Action   = ["logs:FilterLogEvents"]
      Resource = local.log_group_arns
    },
    {
      Sid      = "ReadWhatHasNoResource"
      Effect   = "Allow"
      Action   = ["cloudwatch:GetMetricData", "ec2:DescribeVpnConnections", "lambda:GetAccountSettings"]
      Resource = "*" # AWS offers nothing narrower for these
    },
    ], flatten([for rotation in values(module.rotation) : [
      {
        Sid      = "StartTheRotation"
        Effect   = "Allow"
        Action   = ["secretsmanager:RotateSecret"]
        Resource = module.credentials.secret_arn
      },
      {
        # Secrets Manager requires it of the caller that starts a rotation.
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
        Sid      = "RunTheRotation"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = rotation.function_arn
      },
      ]]), flatten([for arn in local.archive_copies_arns : [
      {
        Sid      = "ListCopies"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = arn
      },
      {
        Sid      = "RestoreCopies"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:RestoreObject"]
        Resource = "${arn}/*" # the objects of this one bucket
      },
      {
        Sid      = "DecryptCopies"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = module.landing.kms_key_arn
        # The same key encrypts the landed files. With a bucket key, S3 calls KMS on behalf of the bucket.
        Condition = {
          StringEquals = {
            "kms:ViaService"                   = "s3.${local.region}.amazonaws.com"
            "kms:EncryptionContext:aws:s3:arn" = arn
          }
        }
      },
      ]]), flatten([for arn in local.listings_arns : [
      {
        Sid      = "ReadInventories"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:ListBucket"]
        Resource = [arn, "${arn}/*"] # S3 names the lists
      },
      {
        Sid      = "DecryptInventories"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = module.key.arn
        Condition = {
          StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:aws:s3:arn" = [arn, "${arn}/*"] } # "/*": its objects
        }
      },
  ]]))
}
