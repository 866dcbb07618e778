module "function" {
  source = "../function"

  name        = var.name
  description = "Probes the destination and opens or closes the circuit."
  handler     = "windrow.functions.sentinel.handler"
  zip_path    = var.zip_path
  policy      = local.policy

  environment = {
    WINDROW_STACK                   = var.stack
    WINDROW_LEDGER_TABLE            = var.ledger.name
    WINDROW_DESTINATION_ENDPOINT    = var.destination.endpoint
    WINDROW_DESTINATION_BUCKET      = var.destination.bucket
    WINDROW_DESTINATION_PREFIX      = var.destination.prefix
    WINDROW_DESTINATION_REGION      = var.destination.region
    WINDROW_DESTINATION_SECRET_ID   = var.secret_arn
    WINDROW_EVENT_SOURCE_MAPPING_ID = var.event_source_mapping.uuid
    WINDROW_MAX_OBJECT_BYTES        = tostring(var.max_object_bytes)
    WINDROW_MAX_ARCHIVE_BYTES       = tostring(var.max_archive_bytes)
  }

  timeout_s            = var.timeout_s
  memory_mb            = var.memory_mb
  reserved_concurrency = var.reserved_concurrency

  subnet_ids         = var.subnet_ids
  security_group_ids = var.security_group_ids
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.kms_key_arn

  permissions_boundary_arn = var.permissions_boundary_arn
}
