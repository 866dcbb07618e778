mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name               = "windrow-test"
  description        = "Tests."
  handler            = "windrow.functions.aggregate.handler"
  zip_path           = "../../tests/fixtures/function.zip"
  environment        = { WINDROW_LEDGER_TABLE = "ledger" }
  destination        = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn         = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"
  policy             = jsonencode({ Version = "2012-10-17", Statement = [] })
  timeout_s          = 120
  memory_mb          = 1024
  region             = "eu-west-2"
  subnet_ids         = ["subnet-1", "subnet-2"]
  security_group_ids = ["sg-1"]
  log_retention_days = 30
  kms_key_arn        = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "refuses_1" {
  command = plan

  variables {
    # a long name
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    # a foreign handler
    handler = "index.handler"
    # a file that is no zip
    zip_path = "../../tests/mocks/aws.tfmock.hcl"
    # settings that are not Windrow's
    environment = { AWS_REGION = "eu-west-1" }
    # an invalid policy
    policy = "{}"
    # no time
    timeout_s = 0
    # too little memory
    memory_mb = 127
    # less room than Lambda gives
    ephemeral_storage_mb = 511
    # negative concurrency
    reserved_concurrency = -1
    # plain http to the destination
    destination = { endpoint = "http://minio.example.com:9000", bucket = "archives" }
    # any secret
    secret_arn = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:*"
    # an invalid region
    region = "London"
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

  expect_failures = [var.name, var.handler, var.zip_path, var.environment, var.policy, var.timeout_s, var.memory_mb, var.ephemeral_storage_mb, var.reserved_concurrency, var.destination, var.secret_arn, var.region, var.subnet_ids, var.security_group_ids, var.log_retention_days, var.kms_key_arn, var.permissions_boundary_arn]
}

run "refuses_2" {
  command = plan

  variables {
    # too much time
    timeout_s = 901
    # too much memory
    memory_mb = 10241
    # more room than Lambda gives
    ephemeral_storage_mb = 10241
    # credentials in the endpoint
    destination = { endpoint = "https://user:password@minio.example.com", bucket = "archives" }
  }

  expect_failures = [var.timeout_s, var.memory_mb, var.ephemeral_storage_mb, var.destination]
}

run "refuses_3" {
  command = plan

  variables {
    # an invalid host name
    destination = { endpoint = "https://minio_1.example.com", bucket = "archives" }
  }

  expect_failures = [var.destination]
}

run "refuses_4" {
  command = plan

  variables {
    # an invalid port
    destination = { endpoint = "https://minio.example.com:65536", bucket = "archives" }
  }

  expect_failures = [var.destination]
}

run "refuses_5" {
  command = plan

  variables {
    # an invalid bucket
    destination = { endpoint = "https://minio.example.com", bucket = "a" }
  }

  expect_failures = [var.destination]
}

run "refuses_6" {
  command = plan

  variables {
    # a prefix with empty parts
    destination = { endpoint = "https://minio.example.com", bucket = "archives", prefix = "a//b" }
  }

  expect_failures = [var.destination]
}
