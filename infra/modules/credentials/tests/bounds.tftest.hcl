mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name        = "windrow-destination"
  kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "refuses_1" {
  command = plan

  variables {
    # a space
    name = "windrow destination"
    # a short recovery
    recovery_days = 6
    # an alias for the key
    kms_key_arn = "alias/windrow"
  }

  expect_failures = [var.name, var.recovery_days, var.kms_key_arn]
}

run "refuses_2" {
  command = plan

  variables {
    # a long recovery
    recovery_days = 31
  }

  expect_failures = [var.recovery_days]
}
