mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name        = "windrow-test"
  kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "refuses_1" {
  command = plan

  variables {
    # capitals in the name
    name = "Windrow"
    # an alias for the key
    kms_key_arn = "alias/windrow"
    # an invalid statement
    statements = ["{}"]
    # plain http from elsewhere
    plaintext_loopback_cidrs = ["10.0.0.0/8"]
  }

  expect_failures = [var.name, var.kms_key_arn, var.statements, var.plaintext_loopback_cidrs]
}

run "refuses_2" {
  command = plan

  variables {
    # dots in the name
    name = "windrow.test"
  }

  expect_failures = [var.name]
}
