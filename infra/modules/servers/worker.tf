module "permissions" {
  source = "../permissions"

  region      = local.region
  landing     = { bucket_arn = module.landing.bucket_arn, kms_key_arn = module.landing.kms_key_arn }
  queue       = { arn = module.queue.arn, dead_letter_arn = module.queue.dead_letter_arn }
  ledger_arn  = module.ledger.arn
  secret_arn  = module.credentials.secret_arn
  kms_key_arn = module.key.arn
}

locals {
  # In addition to the work itself.
  look_after_it = [
    {
      # Workers without a mapping run the sentinel themselves. Its state is an item of the ledger, which they write as
      # they write claims.
      Sid      = "HeedTheCircuit"
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem"]
      Resource = module.ledger.arn
    },
    {
      # What `windrow doctor` checks before the first start, and `windrow run --listen` all the time.
      Sid      = "SeeTheSetUp"
      Effect   = "Allow"
      Action   = ["s3:GetBucketNotification", "s3:GetBucketVersioning", "s3:ListBucketVersions"]
      Resource = module.landing.bucket_arn
    },
    {
      Sid      = "SeeTheLedger"
      Effect   = "Allow"
      Action   = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"]
      Resource = module.ledger.arn
    },
    {
      Sid      = "SeeTheDeadLetters"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueAttributes"]
      Resource = module.queue.dead_letter_arn
    },
  ]
}

module "worker" {
  source = "../worker"

  name           = var.name
  description    = "For workers of ${var.name} on servers."
  principal_arns = var.workers.principal_arns
  certificates   = var.workers.certificates
  policy         = jsonencode({ Version = "2012-10-17", Statement = concat(module.permissions.work, local.look_after_it) })

  permissions_boundary_arn = var.permissions_boundary_arn
}

moved {
  from = aws_iam_role.worker
  to   = module.worker.aws_iam_role.this
}

moved {
  from = aws_iam_role_policy.worker
  to   = module.worker.aws_iam_role_policy.this
}

moved {
  from = aws_rolesanywhere_profile.worker
  to   = module.worker.aws_rolesanywhere_profile.this
}
