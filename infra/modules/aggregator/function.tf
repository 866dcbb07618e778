module "function" {
  source = "../function"

  name        = var.name
  description = "Gathers landed files into archives and delivers them."
  handler     = "windrow.functions.aggregate.handler"
  zip_path    = var.zip_path
  environment = local.environment
  policy      = local.policy
  publish     = true

  timeout_s            = var.timeout_s
  memory_mb            = var.memory_mb
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
    WINDROW_QUEUE_URL             = var.queue.url
    WINDROW_DLQ_URL               = var.queue.dead_letter_url
    WINDROW_LEDGER_TABLE          = var.ledger.name
    WINDROW_LEDGER_TTL_DAYS       = tostring(var.ledger_ttl_days)
    WINDROW_DESTINATION_ENDPOINT  = var.destination.endpoint
    WINDROW_DESTINATION_BUCKET    = var.destination.bucket
    WINDROW_DESTINATION_PREFIX    = var.destination.prefix
    WINDROW_DESTINATION_REGION    = var.destination.region
    WINDROW_DESTINATION_SECRET_ID = var.secret_arn
    WINDROW_COMPRESSION_LEVEL     = tostring(var.compression_level)
    WINDROW_MAX_ARCHIVE_BYTES     = tostring(var.max_archive_bytes)
    WINDROW_MAX_OBJECT_BYTES      = tostring(var.max_object_bytes)
    WINDROW_MAX_BYTES_PER_S       = tostring(var.max_bytes_per_s)
    WINDROW_FETCH_CONCURRENCY     = tostring(var.fetch_concurrency)
    }, var.object_lock == null ? {} : {
    WINDROW_OBJECT_LOCK_MODE = var.object_lock.mode
    WINDROW_OBJECT_LOCK_DAYS = tostring(var.object_lock.days)
  })
}
