mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  stack       = "windrow"
  name        = "windrow-auditor"
  inventory   = { bucket_name = "landing-listings" }
  landing     = { bucket_name = "landing", bucket_arn = "arn:aws:s3:::landing" }
  ledger      = { name = "windrow-ledger", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/windrow-ledger" }
  destination = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn  = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"

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
    # expired before the next one is late
    inventory = { bucket_name = "landing-listings", expire_after_days = 2 }
    # any landing bucket
    landing = { bucket_name = "l", bucket_arn = "arn:aws:s3:::*" }
    # less than a week
    hot_days = 6
    # too short for a day
    timeout_s = 299
    # too little memory
    memory_mb = 256
    # too little room
    ephemeral_storage_mb = 512
    # any table
    ledger = { name = "l", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/*" }
    # a network that is not this machine
    plaintext_loopback_cidrs = ["10.0.0.0/8"]
  }

  expect_failures = [var.stack, var.inventory, var.landing, var.hot_days, var.timeout_s, var.memory_mb, var.ephemeral_storage_mb, var.ledger, var.plaintext_loopback_cidrs]
}
