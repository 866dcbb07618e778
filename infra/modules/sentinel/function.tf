module "function" {
  source = "../function"

  name        = var.name
  description = "Probes the destination and opens or closes the circuit."
  handler     = "windrow.functions.sentinel.handler"
  zip_path    = var.lambda.zip_path
  policy      = local.policy
  destination = var.destination
  secret_arn  = var.secret_arn

  environment = {
    WINDROW_STACK                   = var.stack
    WINDROW_LEDGER_TABLE            = var.ledger.name
    WINDROW_EVENT_SOURCE_MAPPING_ID = var.event_source_mapping.uuid
    WINDROW_MAX_OBJECT_BYTES        = tostring(var.max_object_bytes)
    WINDROW_MAX_ARCHIVE_BYTES       = tostring(var.max_archive_bytes)
  }

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
