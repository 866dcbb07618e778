data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  # From "ec2.<region>.amazonaws.com": version 6 of the provider deprecates the attribute `name`, and version 5 has no
  # `region`.
  region = split(".", data.aws_region.current.endpoint)[1]

  # Built from the name, since bucket, queue and endpoints refer to each other.
  landing_bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.landing_bucket_name}"
  # The name that modules/landing gives it.
  new_objects_rule_arn = "arn:${data.aws_partition.current.partition}:events:${local.region}:${local.account_id}:rule/${var.landing_bucket_name}-new"
  archive_copies_arns  = var.retention.mode == "archives" ? ["${local.landing_bucket_arn}-archives"] : []
  # For S3's inventories of the landing bucket, which the audit reads.
  listings_bucket_name = "${var.landing_bucket_name}-listings"
  listings_arns        = try(var.daily_audit.inventory, false) ? ["${local.landing_bucket_arn}-listings"] : []
  retention_name       = "${var.name}-retention"
  ledger_name          = "${var.name}-ledger"
  ledger_arn           = "arn:${data.aws_partition.current.partition}:dynamodb:${local.region}:${local.account_id}:table/${local.ledger_name}"

  rotation_zip_path = coalesce(var.rotation_zip_path, replace(var.zip_path, "/\\.zip$/", "-rotation.zip"))

  destination = {
    endpoint = var.destination.endpoint
    bucket   = var.destination.bucket
    prefix   = var.destination.prefix
    region   = var.destination.region
  }

  # Settings shared by all functions; modules/function validates them.
  lambda = {
    zip_path                 = var.zip_path
    subnet_ids               = module.network.subnet_ids
    security_group_ids       = [module.network.functions_security_group_id]
    log_retention_days       = var.log_retention_days
    kms_key_arn              = module.key.arn
    region                   = local.region
    account_id               = local.account_id
    permissions_boundary_arn = var.permissions_boundary_arn
  }

  # 443 unless the endpoint has a port.
  destination_port = try(tonumber(regex(":([0-9]+)$", var.destination.endpoint)[0]), 443)
}

module "network" {
  source = "./modules/network"

  name                    = var.name
  region                  = local.region
  account_id              = local.account_id
  availability_zones      = coalesce(var.availability_zones, ["${local.region}a", "${local.region}b"])
  vpc_cidr                = var.vpc_cidr
  on_premises             = var.on_premises
  resolver_rule_ids       = var.resolver_rule_ids
  destination             = { cidrs = var.destination.cidrs, port = local.destination_port }
  flow_log_retention_days = var.log_retention_days
  kms_key_arn             = module.key.arn

  gateway_endpoint_resources = {
    s3             = concat([local.landing_bucket_arn], local.listings_arns)
    archive_copies = local.archive_copies_arns
    dynamodb       = [local.ledger_arn]
  }

  # Neither the secret nor the queues depend on the network, so this is no cycle.
  interface_endpoint_resources = {
    secretsmanager = [module.credentials.secret_arn]
    sqs            = [module.queue.arn, module.queue.dead_letter_arn]
  }

  retention_sweep = one([for arn in local.archive_copies_arns : {
    role_arn           = "arn:${data.aws_partition.current.partition}:iam::${local.account_id}:role/${local.retention_name}"
    landing_bucket_arn = local.landing_bucket_arn
    copies_bucket_arn  = arn
  }])

  permissions_boundary_arn = var.permissions_boundary_arn
}

module "queue" {
  source = "./modules/queue"

  name                     = "${var.name}-uploads"
  account_id               = local.account_id
  landing_bucket_arn       = local.landing_bucket_arn
  topic_arn                = var.notification.topic_arn
  rule_arn                 = var.notification.through == "eventbridge" ? local.new_objects_rule_arn : null
  function_timeout_s       = var.aggregator.timeout_s
  window_s                 = var.aggregator.window_s
  retention_days           = var.queue_retention_days
  max_receives             = var.queue_max_receives
  plaintext_loopback_cidrs = var.plaintext_loopback_cidrs
}

module "landing" {
  source = "./modules/landing"

  bucket_name              = var.landing_bucket_name
  account_id               = local.account_id
  region                   = local.region
  queue_arn                = module.queue.arn
  uploaders                = var.uploaders
  notification             = var.notification
  retention                = var.retention
  plaintext_loopback_cidrs = var.plaintext_loopback_cidrs
  force_destroy            = var.disposable
}

module "ledger" {
  source = "./modules/ledger"

  name                = local.ledger_name
  kms_key_arn         = module.key.arn
  deletion_protection = !var.disposable

  # Only for the order of a destroy, which is the reverse: DynamoDB refuses to delete the ledger while it is protected,
  # so buckets, keys and their settings stay. So does the secret, whose name can't be used again while it can be
  # restored.
  depends_on = [module.landing, module.key, module.credentials]
}

module "credentials" {
  source = "./modules/credentials"

  name          = "${var.name}-destination"
  recovery_days = var.disposable ? 0 : 30
  kms_key_arn   = module.key.arn
}

module "rotation" {
  source   = "./modules/rotation"
  for_each = var.destination.admin_api ? { this = local.rotation_zip_path } : {}

  name                 = "${var.name}-destination-rotation"
  lambda               = merge(local.lambda, { zip_path = each.value })
  secret_arn           = module.credentials.secret_arn
  rotation_days        = var.rotation_days
  max_archive_bytes    = var.aggregator.max_archive_bytes
  max_object_bytes     = var.aggregator.max_object_bytes
  reserved_concurrency = var.reserved_concurrency
  destination          = local.destination
}

module "aggregator" {
  source = "./modules/aggregator"

  name                  = "${var.name}-aggregator"
  lambda                = local.lambda
  stack                 = var.name
  timeout_s             = var.aggregator.timeout_s
  memory_mb             = var.aggregator.memory_mb
  window_s              = var.aggregator.window_s
  batch_size            = var.aggregator.batch_size
  maximum_concurrency   = var.aggregator.maximum_concurrency
  provisioned_pollers   = var.aggregator.provisioned_pollers
  compression_level     = var.aggregator.compression_level
  max_archive_bytes     = var.aggregator.max_archive_bytes
  max_object_bytes      = var.aggregator.max_object_bytes
  max_bytes_per_s       = var.aggregator.max_bytes_per_s
  object_lock           = var.aggregator.object_lock
  fetch_concurrency     = var.aggregator.fetch_concurrency
  reserved_concurrency  = var.aggregator.reserved_concurrency
  initial_version       = var.aggregator.initial_version
  worker_principal_arns = var.worker_principal_arns
  ledger_ttl_days       = var.ledger_ttl_days
  ledger                = { name = module.ledger.name, arn = module.ledger.arn }
  destination           = local.destination
  secret_arn            = module.credentials.secret_arn

  landing = {
    bucket_name = module.landing.bucket_name
    bucket_arn  = module.landing.bucket_arn
    kms_key_arn = module.landing.kms_key_arn
  }

  queue = {
    url             = module.queue.url
    arn             = module.queue.arn
    dead_letter_url = module.queue.dead_letter_url
    dead_letter_arn = module.queue.dead_letter_arn
  }
}

module "sentinel" {
  source = "./modules/sentinel"

  name                 = "${var.name}-sentinel"
  lambda               = local.lambda
  stack                = var.name
  reserved_concurrency = var.reserved_concurrency
  event_source_mapping = module.aggregator.event_source_mapping
  max_archive_bytes    = var.aggregator.max_archive_bytes
  max_object_bytes     = var.aggregator.max_object_bytes
  ledger               = { name = module.ledger.name, arn = module.ledger.arn }
  destination          = local.destination
  secret_arn           = module.credentials.secret_arn
}

module "retention" {
  source   = "./modules/retention"
  for_each = module.landing.archive_copies

  name                  = local.retention_name
  lambda                = local.lambda
  stack                 = var.name
  hot_days              = var.retention.hot_days
  reserved_concurrency  = var.reserved_concurrency
  worker_principal_arns = var.worker_principal_arns
  landing               = { bucket_name = module.landing.bucket_name, bucket_arn = module.landing.bucket_arn }
  copies                = merge(each.value, { kms_key_arn = module.landing.kms_key_arn })
  ledger                = { name = module.ledger.name, arn = module.ledger.arn }
  ledger_ttl_days       = var.ledger_ttl_days
  destination           = local.destination
  secret_arn            = module.credentials.secret_arn
}

module "auditor" {
  source   = "./modules/auditor"
  for_each = var.daily_audit == null ? {} : { this = var.daily_audit }

  name                 = "${var.name}-auditor"
  lambda               = local.lambda
  stack                = var.name
  schedule             = each.value.schedule
  inventory            = each.value.inventory ? { bucket_name = local.listings_bucket_name, prefix = var.notification.prefix } : null
  memory_mb            = each.value.memory_mb
  ephemeral_storage_mb = each.value.ephemeral_storage_mb
  hot_days             = var.retention.hot_days
  reserved_concurrency = var.reserved_concurrency
  landing              = { bucket_name = module.landing.bucket_name, bucket_arn = module.landing.bucket_arn }
  ledger               = { name = module.ledger.name, arn = module.ledger.arn }
  destination          = local.destination
  secret_arn           = module.credentials.secret_arn

  plaintext_loopback_cidrs = var.plaintext_loopback_cidrs
}

module "observability" {
  source   = "./modules/observability"
  for_each = var.alarms == null ? {} : { this = var.alarms }

  name           = var.name
  region         = local.region
  account_id     = local.account_id
  kms_key_arn    = module.key.arn
  runbook_url    = each.value.runbook_url
  emails         = each.value.emails
  files_per_hour = each.value.files_per_hour
  quiet_minutes  = each.value.quiet_minutes
  rotation_days  = var.rotation_days

  vpn_connections = module.network.vpn_connection_ids

  queues = { name = module.queue.name, dead_letter_name = module.queue.dead_letter_name }

  functions = {
    aggregator = module.aggregator.function_name
    sentinel   = module.sentinel.function_name
    rotation   = one(values(module.rotation)[*].function_name)
    retention  = one(values(module.retention)[*].function_name)
    auditor    = one(values(module.auditor)[*].function_name)
  }
}
