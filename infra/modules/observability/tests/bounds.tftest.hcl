mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name        = "windrow"
  region      = "eu-west-2"
  account_id  = "111122223333"
  kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
  runbook_url = "https://example.com/runbook"
  queues      = { name = "q", dead_letter_name = "q-dlq" }
  functions   = { aggregator = "a", sentinel = "s", rotation = "r" }
}

run "refuses_1" {
  command = plan

  variables {
    # a name with capitals
    name = "Windrow"
    # a runbook by http
    runbook_url = "http://example.com/runbook"
    # an invalid mail address
    emails = ["oncall"]
    # no files at all
    files_per_hour = 0
    # quiet for seven minutes
    quiet_minutes = 7
    # an invalid region
    region = "London"
    # rotation each hour
    rotation_days = 0
    # a router without a section in the runbook
    vpn_connections = { third = "vpn-1" }
    # an invalid account
    account_id = "12345"
    # an alias for the key
    kms_key_arn = "alias/windrow"
  }

  expect_failures = [var.name, var.runbook_url, var.emails, var.files_per_hour, var.quiet_minutes, var.region, var.rotation_days, var.vpn_connections, var.account_id, var.kms_key_arn]
}

run "refuses_2" {
  command = plan

  variables {
    # a runbook with an anchor
    runbook_url = "https://example.com/runbook#alarms"
    # quiet for two days
    quiet_minutes = 2880
  }

  expect_failures = [var.runbook_url, var.quiet_minutes]
}
