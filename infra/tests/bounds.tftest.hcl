mock_provider "aws" {
  source = "./tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  landing_bucket_name = "windrow-landing"
  zip_path            = "tests/fixtures/function.zip"
  uploaders           = { partner = { principal_arn = "arn:aws:iam::444455556666:role/uploader", prefix = "partner/" } }
  destination         = { endpoint = "https://minio.example.com", cidrs = ["10.20.0.5/32"], bucket = "archives" }
  on_premises         = { site_to_site_vpn = { gateway_address = "198.51.100.7" } }
  alarms              = { runbook_url = "https://example.com/runbook" }
}

run "refuses_1" {
  command = plan

  variables {
    # a name with capitals
    name = "Windrow"
    # a bucket name with capitals
    landing_bucket_name = "Landing"
  }

  expect_failures = [var.name, var.landing_bucket_name]
}

run "refuses_a_missing_rotation_zip" {
  command = plan

  variables {
    # a zip that was not built
    rotation_zip_path = "tests/fixtures/absent.zip"
  }

  expect_failures = [var.rotation_zip_path]
}

run "refuses_2" {
  command = plan

  variables {
    # a ledger that forgets too soon
    ledger_ttl_days      = 28
    queue_retention_days = 7
    # objects without events would be reported as missing
    notification = { suffix = ".json" }
  }

  expect_failures = [var.ledger_ttl_days, var.daily_audit]
}
