module "bucket" {
  source = "../bucket"

  name                     = var.bucket_name
  kms_key_arn              = module.key.arn
  statements               = local.statements
  plaintext_loopback_cidrs = var.plaintext_loopback_cidrs
  force_destroy            = var.force_destroy
}
