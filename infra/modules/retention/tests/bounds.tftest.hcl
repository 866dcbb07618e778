mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  stack           = "windrow"
  name            = "windrow-retention"
  landing         = { bucket_name = "landing", bucket_arn = "arn:aws:s3:::landing" }
  copies          = { bucket_name = "landing-archives", bucket_arn = "arn:aws:s3:::landing-archives", kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/11111111-0000-0000-0000-000000000000" }
  ledger          = { name = "windrow-ledger", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/windrow-ledger" }
  ledger_ttl_days = 30
  destination     = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn      = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"

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
    # too short for a sweep
    timeout_s = 299
    # too little memory
    memory_mb = 256
    # less than a week
    hot_days = 6
    # any table
    ledger = { name = "l", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/*" }
    # a ledger that forgets too soon
    ledger_ttl_days = 4
    # any bucket for copies
    copies = { bucket_name = "c", bucket_arn = "arn:aws:s3:::*a", kms_key_arn = "k" }
  }

  expect_failures = [var.stack, var.timeout_s, var.memory_mb, var.hot_days, var.ledger, var.ledger_ttl_days, var.copies]
}

run "refuses_2" {
  command = plan

  variables {
    # over Lambda's limit
    timeout_s = 901
    # too much memory
    memory_mb = 4096
    # over a year
    hot_days = 366
    # longer than ten years
    ledger_ttl_days = 3651
    # any landing bucket
    landing = { bucket_name = "l", bucket_arn = "arn:aws:s3:::*" }
  }

  expect_failures = [var.timeout_s, var.memory_mb, var.hot_days, var.ledger_ttl_days, var.landing]
}

run "refuses_3" {
  command = plan

  variables {
    # copies among the uploads
    copies = { bucket_name = "landing", bucket_arn = "arn:aws:s3:::landing", kms_key_arn = "k" }
  }

  expect_failures = [var.copies]
}
