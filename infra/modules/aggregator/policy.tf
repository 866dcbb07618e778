module "permissions" {
  source = "../permissions"

  region      = var.lambda.region
  landing     = var.landing
  queue       = var.queue
  ledger_arn  = var.ledger.arn
  secret_arn  = var.secret_arn
  kms_key_arn = var.lambda.kms_key_arn
}

locals {
  work   = module.permissions.work
  policy = jsonencode({ Version = "2012-10-17", Statement = local.work })
}
