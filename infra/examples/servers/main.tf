# Workers on your own servers next to the destination: no VPC, no VPN, no function.
module "windrow" {
  source = "../../modules/servers"

  landing_bucket_name = "example-windrow-landing"

  uploaders = {
    partner = {
      principal_arn = "arn:aws:iam::777788889999:role/uploader"
      prefix        = "partner/"
    }
  }

  destination = {
    endpoint = "https://minio.example.com:9000"
    bucket   = "archives"
  }

  workers = {
    certificates = {
      trust_anchor_arn = "arn:aws:rolesanywhere:eu-west-2:111122223333:trust-anchor/11111111-2222-3333-4444-555555555555"
      common_names     = ["windrow-1.example.com", "windrow-2.example.com"]
    }
  }

  alarms = {
    runbook_url = "https://example.com/windrow/operations"
    topic_arns  = ["arn:aws:sns:eu-west-2:111122223333:on-call"]
  }
}
