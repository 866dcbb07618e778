mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name        = "windrow-ledger"
  kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "refuses_1" {
  command = plan

  variables {
    # a short name
    name = "ab"
    # an alias for the key
    kms_key_arn = "alias/windrow"
  }

  expect_failures = [var.name, var.kms_key_arn]
}
