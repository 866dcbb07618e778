mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value: a run takes as long for one as for all.
variables {
  stack                = "windrow"
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
    # negative concurrency
    reserved_concurrency = -1
    # any mapping
    event_source_mapping = { uuid = "u", arn = "arn:aws:lambda:eu-west-2:111122223333:event-source-mapping:*" }
    # a host name that is none
    destination = { endpoint = "https://minio_1.example.com", bucket = "archives" }
    # a region that is none
    region = "London"
    # an account that is none
    account_id = "12345"
    # a file that is no zip
    zip_path = "../../tests/mocks/aws.tfmock.hcl"
    # any table
    ledger = { name = "a", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/*" }
    # any secret
    secret_arn = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:*"
    # no subnet
    subnet_ids = []
    # no security group
    security_group_ids = []
    # an odd log retention
    log_retention_days = 31
    # an alias for the key
    kms_key_arn = "alias/windrow"
    # a role as the boundary
    permissions_boundary_arn = "arn:aws:iam::111122223333:role/boundary"
  }

  expect_failures = [var.max_archive_bytes, var.stack, var.timeout_s, var.max_object_bytes, var.memory_mb, var.reserved_concurrency, var.event_source_mapping, var.destination, var.region, var.account_id, var.zip_path, var.ledger, var.secret_arn, var.subnet_ids, var.security_group_ids, var.log_retention_days, var.kms_key_arn, var.permissions_boundary_arn]
}

run "refuses_2" {
  command = plan

  variables {
    # less time than a strong probe may take
    timeout_s = 54
    # too much memory
    memory_mb = 2048
    # a bucket that is none
    destination = { endpoint = "https://minio.example.com", bucket = "a" }
  }

  expect_failures = [var.timeout_s, var.memory_mb, var.destination]
}

run "refuses_3" {
  command = plan

  variables {
    # a prefix with empty parts
    destination = { endpoint = "https://minio.example.com", bucket = "archives", prefix = "a//b" }
  }

  expect_failures = [var.destination]
}
