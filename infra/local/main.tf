module "windrow" {
  source = "../"

  name                = var.name
  landing_bucket_name = "${var.name}-landing"
  zip_path            = var.zip_path
  disposable          = var.disposable

  uploaders = {
    partner = { principal_arn = aws_iam_role.partner.arn, prefix = "partner/" }
  }

  destination = {
    endpoint = var.destination_endpoint
    cidrs    = ["127.0.0.1/32"]
    bucket   = var.destination_bucket
    region   = var.destination_region
  }

  # Left out, since the provider can't read these back from MiniStack and would plan a change at each apply: the VPN,
  # the endpoints and the log of refused connections (hence an existing VPC, and no rule on prefix lists), S3's rule
  # on small objects, alarms, and the schedule of the rotation (which can't be removed again). MiniStack makes no
  # inventories, so the daily audit lists the landing bucket.
  on_premises = {
    existing_vpc = {
      vpc_id                      = aws_vpc.existing.id
      subnet_ids                  = values(aws_subnet.existing)[*].id
      endpoints_security_group_id = aws_security_group.endpoints.id
      gateway_endpoints           = []
    }
  }
  retention     = { mode = "archives", smallest_moved = "all_storage_classes_128K" }
  alarms        = null
  daily_audit   = { inventory = false }
  rotation_days = null

  # MiniStack would run the functions itself, without a batching window; here the engine of `windrow run` does the work.
  # A reserved concurrency of 0 prevents that, but not for published versions.
  reserved_concurrency = 0
  aggregator           = merge(var.aggregator, { reserved_concurrency = 0, initial_version = "$LATEST" })

  worker_principal_arns    = [aws_iam_role.worker.arn]
  plaintext_loopback_cidrs = ["127.0.0.0/8"]
}
