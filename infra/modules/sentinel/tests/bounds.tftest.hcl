mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  stack                = "windrow"
  name                 = "windrow-sentinel"
  event_source_mapping = { uuid = "u", arn = "arn:aws:lambda:eu-west-2:111122223333:event-source-mapping:u" }
  ledger               = { name = "ledger", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/ledger" }
  destination          = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn           = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"

  lambda = {
    zip_path           = "../../tests/fixtures/function.zip"
    subnet_ids         = ["subnet-1", "subnet-2"]
    security_group_ids = ["sg-1"]
    kms_key_arn        = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    region             = "eu-west-2"
    account_id         = "111122223333"
  }
}

run "refuses_1" {
  command = plan

  variables {
    # a stack with a space
    stack = "a b"
    # a probe longer than a minute
    timeout_s = 60
    # no object at all
    max_object_bytes = 0
    # an archive of a single file
    max_archive_bytes = 1024
    # too little memory
    memory_mb = 64
    # any mapping
    event_source_mapping = { uuid = "u", arn = "arn:aws:lambda:eu-west-2:111122223333:event-source-mapping:*" }
    # any table
    ledger = { name = "a", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/*" }
  }

  expect_failures = [var.max_archive_bytes, var.stack, var.timeout_s, var.max_object_bytes, var.memory_mb, var.event_source_mapping, var.ledger]
}

run "refuses_2" {
  command = plan

  variables {
    # less time than a strong probe may take
    timeout_s = 54
    # too much memory
    memory_mb = 2048
  }

  expect_failures = [var.timeout_s, var.memory_mb]
}
