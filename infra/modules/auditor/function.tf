module "function" {
  source = "../function"

  name        = var.name
  description = "Compares arrived with delivered files, and writes a daily statement."
  handler     = "windrow.functions.audit.handler"
  zip_path    = var.lambda.zip_path
  environment = local.environment
  policy      = local.policy
  destination = var.destination
  secret_arn  = var.secret_arn

  timeout_s            = var.timeout_s
  memory_mb            = var.memory_mb
  ephemeral_storage_mb = var.ephemeral_storage_mb
  reserved_concurrency = var.reserved_concurrency

  region             = var.lambda.region
  subnet_ids         = var.lambda.subnet_ids
  security_group_ids = var.lambda.security_group_ids
  log_retention_days = var.lambda.log_retention_days
  kms_key_arn        = var.lambda.kms_key_arn

  permissions_boundary_arn = var.lambda.permissions_boundary_arn
}

locals {
  environment = merge({
    WINDROW_STACK              = var.stack
    WINDROW_LANDING_BUCKETS    = var.landing.bucket_name
    WINDROW_LEDGER_TABLE       = var.ledger.name
    WINDROW_RETENTION_HOT_DAYS = tostring(var.hot_days)
    }, {
    for inventory in values(module.inventories) : "WINDROW_INVENTORY" => "s3://${inventory.id}/${local.inventory_prefix}"
  })
}
