# Only what workers on servers need in AWS: no network, no function, no mapping.
data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  # From "ec2.<region>.amazonaws.com": version 6 of the provider deprecates the attribute `name`, and version 5 has no
  # `region`.
  region    = split(".", data.aws_region.current.endpoint)[1]
  partition = data.aws_partition.current.partition

  # Built from the name, since bucket and queue refer to each other.
  landing_bucket_arn = "arn:${local.partition}:s3:::${var.landing_bucket_name}"
  # The name that modules/landing gives it.
  new_objects_rule_arn = "arn:${local.partition}:events:${local.region}:${local.account_id}:rule/${var.landing_bucket_name}-new"
}

module "queue" {
  source = "../queue"

  name                     = "${var.name}-uploads"
  account_id               = local.account_id
  landing_bucket_arn       = local.landing_bucket_arn
  topic_arn                = var.notification.topic_arn
  rule_arn                 = var.notification.through == "eventbridge" ? local.new_objects_rule_arn : null
  function_timeout_s       = var.batch.timeout_s
  window_s                 = var.batch.window_s
  retention_days           = var.queue_retention_days
  plaintext_loopback_cidrs = var.plaintext_loopback_cidrs
}

module "landing" {
  source = "../landing"

  bucket_name              = var.landing_bucket_name
  account_id               = local.account_id
  region                   = local.region
  queue_arn                = module.queue.arn
  uploaders                = var.uploaders
  notification             = var.notification
  retention                = merge(var.retention, { mode = "raw" })
  plaintext_loopback_cidrs = var.plaintext_loopback_cidrs
  force_destroy            = var.disposable
}

# Encrypts ledger and secret.
module "key" {
  source = "../key"

  name                 = var.name
  description          = "Encrypts the ledger and the secret of ${var.name}."
  account_id           = local.account_id
  deletion_window_days = var.disposable ? 7 : 30
}

module "ledger" {
  source = "../ledger"

  name                = "${var.name}-ledger"
  kms_key_arn         = module.key.arn
  deletion_protection = !var.disposable

  # Only for the order of a destroy, which is the reverse: DynamoDB refuses to delete the ledger while it is protected,
  # so the rest stays.
  depends_on = [module.landing, module.key, module.credentials]
}

module "credentials" {
  source = "../credentials"

  name          = "${var.name}-destination"
  recovery_days = var.disposable ? 0 : 30
  kms_key_arn   = module.key.arn
}

# A plan that would destroy or replace any of the data fails as a whole, as in the root module (../../protection.tf).
resource "terraform_data" "files_are_kept" {
  count = var.disposable ? 0 : 1

  triggers_replace = [module.landing.bucket_arn, module.landing.kms_key_arn, module.ledger.arn, module.key.arn]

  lifecycle {
    prevent_destroy = true
  }
}
