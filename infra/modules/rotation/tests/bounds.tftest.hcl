mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value: a run takes as long for one as for all.
variables {
  name               = "windrow-destination-rotation"
  region             = "eu-west-2"
  account_id         = "111122223333"
  secret_arn         = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-destination-a1b2c3"
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
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    # rotation each hour
    rotation_days = 0
    # every secret
    secret_arn = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:*"
    # an archive of a single file
    max_archive_bytes = 1024
    # no object at all
    max_object_bytes = 0
    # plain http to the destination
    destination = { endpoint = "http://10.0.0.1", bucket = "archives" }
    # a region that is none
    region = "London"
    # an account that is none
    account_id = "12345"
    # a file that is no zip
    zip_path = "../../tests/mocks/aws.tfmock.hcl"
    # negative concurrency
    reserved_concurrency = -1
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

  expect_failures = [var.name, var.rotation_days, var.secret_arn, var.max_archive_bytes, var.max_object_bytes, var.destination, var.region, var.account_id, var.zip_path, var.reserved_concurrency, var.subnet_ids, var.security_group_ids, var.log_retention_days, var.kms_key_arn, var.permissions_boundary_arn]
}

run "refuses_2" {
  command = plan

  variables {
    # rotation after a year
    rotation_days = 366
    # a bucket that is none
    destination = { endpoint = "https://minio.example.com", bucket = "a" }
  }

  expect_failures = [var.rotation_days, var.destination]
}

run "refuses_3" {
  command = plan

  variables {
    # a prefix with empty parts
    destination = { endpoint = "https://minio.example.com", bucket = "archives", prefix = "a//b" }
  }

  expect_failures = [var.destination]
}
