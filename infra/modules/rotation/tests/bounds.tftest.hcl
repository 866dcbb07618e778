mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name        = "windrow-destination-rotation"
  secret_arn  = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-destination-a1b2c3"
  destination = { endpoint = "https://minio.example.com:9000", bucket = "archives" }

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
    # rotation each hour
    rotation_days = 0
    # an archive of a single file
    max_archive_bytes = 1024
    # no object at all
    max_object_bytes = 0
  }

  expect_failures = [var.rotation_days, var.max_archive_bytes, var.max_object_bytes]
}

run "refuses_2" {
  command = plan

  variables {
    # rotation after a year
    rotation_days = 366
  }

  expect_failures = [var.rotation_days]
}
