module "function" {
  source = "../function"

  name        = var.name
  description = "Gathers landed files into archives and delivers them."
  handler     = "windrow.functions.aggregate.handler"
  zip_path    = var.lambda.zip_path
  environment = local.environment
  policy      = local.policy
  destination = var.destination
  secret_arn  = var.secret_arn
  publish     = true

  timeout_s            = var.timeout_s
  memory_mb            = var.memory_mb
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
    WINDROW_STACK             = var.stack
    WINDROW_LANDING_BUCKETS   = var.landing.bucket_name
    WINDROW_QUEUE_URL         = var.queue.url
    WINDROW_DLQ_URL           = var.queue.dead_letter_url
    WINDROW_LEDGER_TABLE      = var.ledger.name
    WINDROW_LEDGER_TTL_DAYS   = tostring(var.ledger_ttl_days)
    WINDROW_COMPRESSION_LEVEL = tostring(var.compression_level)
    WINDROW_MAX_ARCHIVE_BYTES = tostring(var.max_archive_bytes)
    WINDROW_MAX_OBJECT_BYTES  = tostring(var.max_object_bytes)
    WINDROW_MAX_BYTES_PER_S   = tostring(var.max_bytes_per_s)
    WINDROW_FETCH_CONCURRENCY = tostring(var.fetch_concurrency)
    }, var.object_lock == null ? {} : {
    WINDROW_OBJECT_LOCK_MODE = var.object_lock.mode
    WINDROW_OBJECT_LOCK_DAYS = tostring(var.object_lock.days)
  })
}
