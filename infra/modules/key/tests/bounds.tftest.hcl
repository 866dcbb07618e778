mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name        = "windrow"
  description = "Encrypts the test."
  account_id  = "111122223333"
}

run "refuses_1" {
  command = plan

  variables {
    # a name of awss own
    name = "aws/windrow"
    # an invalid account
    account_id = "12345"
    # a short deletion window
    deletion_window_days = 6
    # a grant without condition
    grants = [{ sid = "A", principals = { type = "AWS", identifiers = ["arn:aws:iam::111122223333:role/a"] }, actions = ["kms:Decrypt"], conditions = [] }]
  }

  expect_failures = [var.name, var.account_id, var.deletion_window_days, var.grants]
}

run "refuses_2" {
  command = plan

  variables {
    # a long deletion window
    deletion_window_days = 31
    # a grant to everyone
    grants = [{ sid = "A", principals = { type = "AWS", identifiers = ["*"] }, actions = ["kms:Decrypt"], conditions = [{ test = "Bool", variable = "a", values = ["b"] }] }]
  }

  expect_failures = [var.deletion_window_days, var.grants]
}

run "refuses_3" {
  command = plan

  variables {
    # a grant of administration
    grants = [{ sid = "A", principals = { type = "AWS", identifiers = ["arn:aws:iam::111122223333:role/a"] }, actions = ["kms:PutKeyPolicy"], conditions = [{ test = "Bool", variable = "a", values = ["b"] }] }]
  }

  expect_failures = [var.grants]
}

run "refuses_4" {
  command = plan

  variables {
    # a grant to an unknown type
    grants = [{ sid = "A", principals = { type = "Federated", identifiers = ["x"] }, actions = ["kms:Decrypt"], conditions = [{ test = "Bool", variable = "a", values = ["b"] }] }]
  }

  expect_failures = [var.grants]
}
