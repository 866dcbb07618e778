module "function" {
  source = "../function"

  name        = var.name
  description = "Compares what arrived with what is delivered, and writes a statement of each day."
  handler     = "windrow.functions.audit.handler"
  zip_path    = var.zip_path
  environment = local.environment
  policy      = local.policy

  timeout_s            = var.timeout_s
  memory_mb            = var.memory_mb
  ephemeral_storage_mb = var.ephemeral_storage_mb
  reserved_concurrency = var.reserved_concurrency

  subnet_ids         = var.subnet_ids
  security_group_ids = var.security_group_ids
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.kms_key_arn

  permissions_boundary_arn = var.permissions_boundary_arn
}

locals {
  environment = merge({
    WINDROW_STACK                 = var.stack
    WINDROW_LANDING_BUCKETS       = var.landing.bucket_name
    WINDROW_LEDGER_TABLE          = var.ledger.name
    WINDROW_RETENTION_HOT_DAYS    = tostring(var.hot_days)
    WINDROW_DESTINATION_ENDPOINT  = var.destination.endpoint
    WINDROW_DESTINATION_BUCKET    = var.destination.bucket
    WINDROW_DESTINATION_PREFIX    = var.destination.prefix
    WINDROW_DESTINATION_REGION    = var.destination.region
    WINDROW_DESTINATION_SECRET_ID = var.secret_arn
    }, {
    for inventory in values(module.inventories) : "WINDROW_INVENTORY" => "s3://${inventory.id}/${local.inventory_prefix}"
  })
}
