mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name               = "windrow-uploads"
  account_id         = "111122223333"
  landing_bucket_arn = "arn:aws:s3:::landing"
  function_timeout_s = 120
  window_s           = 60
}

run "refuses_1" {
  command = plan

  variables {
    # a long name
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    # an invalid account
    account_id = "1"
    # any topic
    topic_arn = "arn:aws:sns:eu-west-2:111122223333:*"
    # any bucket
    landing_bucket_arn = "arn:aws:s3:::*"
    # no time
    function_timeout_s = 0
    # a long window
    window_s = 301
    # a short retention
    retention_days = 4
    # few receives
    max_receives = 9
    # plain http from elsewhere
    plaintext_loopback_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.name, var.account_id, var.topic_arn, var.landing_bucket_arn, var.function_timeout_s, var.window_s, var.retention_days, var.max_receives, var.plaintext_loopback_cidrs]
}

run "refuses_2" {
  command = plan

  variables {
    # two sources of events
    topic_arn = "arn:aws:sns:eu-west-2:111122223333:new-objects"
    rule_arn  = "arn:aws:events:eu-west-2:111122223333:rule/new-objects"
    # too much time
    function_timeout_s = 901
    # a negative window
    window_s = -1
    # a long retention
    retention_days = 15
    # many receives
    max_receives = 1001
  }

  expect_failures = [var.rule_arn, var.function_timeout_s, var.window_s, var.retention_days, var.max_receives]
}

run "refuses_3" {
  command = plan

  variables {
    # any rule
    rule_arn = "arn:aws:events:eu-west-2:111122223333:rule/*"
  }

  expect_failures = [var.rule_arn]
}
