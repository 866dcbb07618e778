mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value: a run takes as long for one as for all.
variables {
  name                 = "windrow-sentinel"
  region               = "eu-west-2"
  account_id           = "111122223333"
  zip_path             = "../../tests/fixtures/function.zip"
  event_source_mapping = { uuid = "u", arn = "arn:aws:lambda:eu-west-2:111122223333:event-source-mapping:u" }
  ledger               = { name = "ledger", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/ledger" }
  destination          = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn           = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"
  subnet_ids           = ["subnet-1", "subnet-2"]
  security_group_ids   = ["sg-1"]
  kms_key_arn          = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "refuses_1" {
  command = plan

  variables {
    # a probe longer than a minute
    timeout_s = 60
    # too little memory
    memory_mb = 64
    # negative concurrency
    reserved_concurrency = -1
    # any mapping
    event_source_mapping = { uuid = "u", arn = "arn:aws:lambda:eu-west-2:111122223333:event-source-mapping:*" }
    # plain http to the destination
    destination = { endpoint = "http://10.0.0.1", bucket = "archives" }
  }

  expect_failures = [var.timeout_s, var.memory_mb, var.reserved_concurrency, var.event_source_mapping, var.destination]
}

run "refuses_2" {
  command = plan

  variables {
    # a probe without time
    timeout_s = 9
    # too much memory
    memory_mb = 2048
  }

  expect_failures = [var.timeout_s, var.memory_mb]
}
