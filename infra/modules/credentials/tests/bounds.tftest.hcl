mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value: a run takes as long for one as for all.
variables {
  name               = "windrow-destination"
  region             = "eu-west-2"
  account_id         = "111122223333"
  zip_path           = "../../tests/fixtures/function.zip"
  destination        = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  subnet_ids         = ["subnet-1", "subnet-2"]
  security_group_ids = ["sg-1"]
  kms_key_arn        = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "refuses_1" {
  command = plan

  variables {
    # a long name
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    # rotation each hour
    rotation_days = 0
    # a short recovery
    recovery_days = 6
    # plain http to the destination
    destination = { endpoint = "http://10.0.0.1", bucket = "archives" }
  }

  expect_failures = [var.name, var.rotation_days, var.recovery_days, var.destination]
}

run "refuses_2" {
  command = plan

  variables {
    # rotation after a year
    rotation_days = 366
    # a long recovery
    recovery_days = 31
  }

  expect_failures = [var.rotation_days, var.recovery_days]
}
