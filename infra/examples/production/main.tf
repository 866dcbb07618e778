# The full volume, through the company's transit gateway.
module "windrow" {
  source = "../../"

  name                = "windrow"
  landing_bucket_name = "example-windrow-landing"
  zip_path            = var.zip_path
  rotation_days       = var.rotation_days

  uploaders = {
    partner = {
      principal_arn = "arn:aws:iam::777788889999:role/uploader"
      prefix        = "partner/"
      source_cidrs  = ["203.0.113.0/24"]
    }
  }

  destination = {
    endpoint = "https://minio.example.com:9000"
    cidrs    = ["10.20.0.5/32", "10.20.0.6/32"]
    bucket   = "windrow"
    prefix   = "landing"
  }

  on_premises = {
    transit_gateway = { id = "tgw-0123456789abcdef0" }
  }

  availability_zones = ["eu-west-2a", "eu-west-2b", "eu-west-2c"]

  log_retention_days = 90

  alarms = {
    runbook_url = "https://example.com/windrow/operations"
    emails      = ["windrow-oncall@example.com"]
  }
}
