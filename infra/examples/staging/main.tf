# A small stage: its own VPN, less memory, shorter logs.
module "windrow" {
  source = "../../"

  name                = "windrow-staging"
  landing_bucket_name = "example-windrow-landing-staging"
  zip_path            = var.zip_path
  rotation_days       = var.rotation_days

  uploaders = {
    partner = {
      principal_arn = "arn:aws:iam::777788889999:role/uploader-test"
      prefix        = "partner/"
    }
  }

  destination = {
    endpoint = "https://minio-staging.example.com:9000"
    cidrs    = ["10.20.0.5/32"]
    bucket   = "windrow-staging"
  }

  on_premises = {
    site_to_site_vpn = { gateway_address = "198.51.100.7" }
  }

  aggregator = {
    memory_mb           = 512
    maximum_concurrency = 2
  }

  log_retention_days = 14

  alarms = {
    runbook_url    = "https://example.com/windrow/operations"
    emails         = ["windrow-staging@example.com"]
    files_per_hour = 3600
    quiet_minutes  = 60
  }
}
