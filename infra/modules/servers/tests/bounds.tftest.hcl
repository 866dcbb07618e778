mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  landing_bucket_name = "windrow-landing"
  uploaders           = {}
  destination         = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  workers             = { principal_arns = ["arn:aws:iam::111122223333:role/task"] }
  alarms              = null
}

run "refuses_1" {
  command = plan

  variables {
    # a name with capitals
    name = "Windrow"
    # a bucket name with capitals
    landing_bucket_name = "Landing"
    # a ledger that forgets too soon
    ledger_ttl_days      = 28
    queue_retention_days = 7
    # plain http to the destination
    destination = { endpoint = "http://10.0.0.1", bucket = "archives" }
    # an anchor in the link
    alarms = { runbook_url = "https://example.com/#a", topic_arns = ["arn:aws:sns:eu-west-2:111122223333:oncall"] }
    # a role as the boundary
    permissions_boundary_arn = "arn:aws:iam::111122223333:role/boundary"
  }

  expect_failures = [var.name, var.landing_bucket_name, var.ledger_ttl_days, var.destination, var.alarms, var.permissions_boundary_arn]
}

run "refuses_2" {
  command = plan

  variables {
    # an invalid bucket
    destination = { endpoint = "https://minio.example.com", bucket = "a" }
    # nobody to notify
    alarms = { runbook_url = "https://example.com/runbook", topic_arns = [] }
  }

  expect_failures = [var.destination, var.alarms]
}

run "refuses_3" {
  command = plan

  variables {
    # a prefix with empty parts
    destination = { endpoint = "https://minio.example.com", bucket = "archives", prefix = "a//b" }
    # a share of a file
    alarms = { runbook_url = "https://example.com/runbook", topic_arns = ["arn:aws:sns:eu-west-2:111122223333:oncall"], files_per_hour = 0.5 }
  }

  expect_failures = [var.destination, var.alarms]
}
