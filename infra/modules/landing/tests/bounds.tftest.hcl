mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  bucket_name = "windrow-landing"
  account_id  = "111122223333"
  region      = "eu-west-2"
  queue_arn   = "arn:aws:sqs:eu-west-2:111122223333:windrow-uploads"
  uploaders   = { partner = { principal_arn = "arn:aws:iam::444455556666:role/uploader", prefix = "partner/" } }
}

run "refuses_1" {
  command = plan

  variables {
    # an invalid way
    notification = { through = "lambda" }
    # a long name
    bucket_name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    # an invalid account
    account_id = "1"
    # an invalid region
    region = "London"
    # an invalid queue
    queue_arn = "arn:aws:sns:eu-west-2:111122223333:topic"
    # a whole account as uploader
    uploaders = { a = { principal_arn = "arn:aws:iam::444455556666:root", prefix = "a/" } }
    # an unknown mode
    retention = { mode = "none" }
    # plain http from elsewhere
    plaintext_loopback_cidrs = ["192.168.0.0/16"]
  }

  expect_failures = [var.notification, var.bucket_name, var.account_id, var.region, var.queue_arn, var.uploaders, var.retention, var.plaintext_loopback_cidrs]
}

run "refuses_2" {
  command = plan

  variables {
    # a topic without its ARN
    notification = { through = "topic" }
    # everyone as uploader
    uploaders = { a = { principal_arn = "*", prefix = "a/" } }
    # few hot days
    retention = { hot_days = 6 }
  }

  expect_failures = [var.notification, var.uploaders, var.retention]
}

run "refuses_3" {
  command = plan

  variables {
    # a suffix with a wildcard
    notification = { suffix = "*.csv" }
    # a prefix without end
    uploaders = { a = { principal_arn = "arn:aws:iam::444455556666:role/a", prefix = "a" } }
    # no days for old versions
    retention = { old_version_days = 0 }
  }

  expect_failures = [var.notification, var.uploaders, var.retention]
}

run "refuses_4" {
  command = plan

  variables {
    # a wildcard in a prefix
    uploaders = { a = { principal_arn = "arn:aws:iam::444455556666:role/a", prefix = "*/" } }
    # an unknown rule on small objects
    retention = { smallest_moved = "1KB" }
  }

  expect_failures = [var.uploaders, var.retention]
}

run "refuses_5" {
  command = plan

  variables {
    # expiry before 180 days of Deep Archive
    retention = { expire_after_days = 186 }
    # overlapping prefixes
    uploaders = { a = { principal_arn = "arn:aws:iam::444455556666:role/a", prefix = "a/" }, b = { principal_arn = "arn:aws:iam::444455556666:role/b", prefix = "a/b/" } }
  }

  expect_failures = [var.retention, var.uploaders]
}

run "refuses_6" {
  command = plan

  variables {
    # one principal twice
    uploaders = { a = { principal_arn = "arn:aws:iam::444455556666:role/a", prefix = "a/" }, b = { principal_arn = "arn:aws:iam::444455556666:role/a", prefix = "b/" } }
  }

  expect_failures = [var.uploaders]
}

run "refuses_7" {
  command = plan

  variables {
    # every address written out
    uploaders = { a = { principal_arn = "arn:aws:iam::444455556666:role/a", prefix = "a/", source_cidrs = ["0.0.0.0/0"] } }
  }

  expect_failures = [var.uploaders]
}

run "refuses_an_uploader_left_out" {
  command = plan

  variables {
    notification = { prefix = "other/" }
  }

  expect_failures = [aws_s3_bucket_notification.this]
}
