module "work" {
  source = "../work"

  region      = local.region
  landing     = { bucket_arn = module.landing.bucket_arn, kms_key_arn = module.landing.kms_key_arn }
  queue       = { arn = module.queue.arn, dead_letter_arn = module.queue.dead_letter_arn }
  ledger_arn  = module.ledger.arn
  secret_arn  = module.credentials.secret_arn
  kms_key_arn = module.key.arn
}

locals {
  # Beside the work itself.
  look_after_it = [
    {
      # Workers without a mapping are their own sentinel, and its state is an item of the ledger; they write it as they
      # write claims.
      Sid      = "HeedTheCircuit"
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem"]
      Resource = module.ledger.arn
    },
    {
      # What `windrow doctor` looks at before the first start, and `windrow run --listen` as it goes.
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

  by_principals = [for arns in [sort(tolist(var.workers.principal_arns))] : {
    Sid       = "Servers"
    Effect    = "Allow"
    Principal = { AWS = arns }
    Action    = ["sts:AssumeRole"]
  } if length(arns) > 0]

  # https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
  by_certificates = [for certificates in var.workers.certificates[*] : {
    Sid       = "ServersWithACertificate"
    Effect    = "Allow"
    Principal = { Service = "rolesanywhere.amazonaws.com" }
    Action    = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
    Condition = {
      ArnEquals    = { "aws:SourceArn" = certificates.trust_anchor_arn }
      StringEquals = { "aws:PrincipalTag/x509Subject/CN" = sort(tolist(certificates.common_names)) }
    }
  }]
}

resource "aws_iam_role" "worker" {
  name        = "${var.name}-worker"
  description = "What workers of ${var.name} do on servers."

  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.by_principals, local.by_certificates) })
}

resource "aws_iam_role_policy" "worker" {
  name   = "work"
  role   = aws_iam_role.worker.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(module.work.statements, local.look_after_it) })
}

# What `aws_signing_helper credential-process` names beside the role and the trust anchor.
resource "aws_rolesanywhere_profile" "worker" {
  count = length(local.by_certificates)

  name      = "${var.name}-worker"
  role_arns = [aws_iam_role.worker.arn]
  enabled   = true
}
