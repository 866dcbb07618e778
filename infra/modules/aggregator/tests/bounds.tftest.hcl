mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  stack       = "windrow"
  name        = "windrow-aggregator"
  landing     = { bucket_name = "landing", bucket_arn = "arn:aws:s3:::landing", kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/landing" }
  queue       = { url = "https://sqs.eu-west-2.amazonaws.com/111122223333/q", arn = "arn:aws:sqs:eu-west-2:111122223333:q", dead_letter_url = "https://sqs.eu-west-2.amazonaws.com/111122223333/q-dlq", dead_letter_arn = "arn:aws:sqs:eu-west-2:111122223333:q-dlq" }
  ledger      = { name = "ledger", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/ledger" }
  destination = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn  = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"

  lambda = {
    zip_path           = "../../tests/fixtures/function.zip"
    subnet_ids         = ["subnet-1", "subnet-2"]
    security_group_ids = ["sg-1"]
    kms_key_arn        = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    region             = "eu-west-2"
  }
}

run "refuses_1" {
  command = plan

  variables {
    # one poller
    provisioned_pollers = { minimum = 1, maximum = 1 }
    # a stack with a space
    stack = "a b"
    # little time
    timeout_s = 59
    # little memory
    memory_mb = 256
    # compression off
    compression_level = 0
    # a short memory
    ledger_ttl_days = 24
    # any table
    ledger = { name = "a", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/*" }
    # any bucket
    landing = { bucket_name = "a", bucket_arn = "arn:aws:s3:::*", kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/a" }
    # any queue
    queue = { url = "a", arn = "*", dead_letter_url = "b", dead_letter_arn = "arn:aws:sqs:eu-west-2:111122223333:b" }
    # a foreign initial version
    initial_version = "3"
    # a name with a dot
    name = "windrow.test"
    # no object at all
    max_object_bytes = 0
    # one batch at once
    maximum_concurrency = 1
    # no fetch at all
    fetch_concurrency = 0
    # an invalid lock
    object_lock = { mode = "legal", days = 7 }
  }

  expect_failures = [var.provisioned_pollers, var.stack, var.timeout_s, var.memory_mb, var.compression_level, var.ledger_ttl_days, var.ledger, var.landing, var.queue, var.initial_version, var.name, var.max_object_bytes, var.maximum_concurrency, var.fetch_concurrency, var.object_lock]
}

run "refuses_2" {
  command = plan

  variables {
    # more in flight than a queue holds
    provisioned_pollers = { minimum = 2, maximum = 2 }
    # too much time
    timeout_s = 901
    # compression over 12
    compression_level = 13
    # an alias for the bucket's key
    landing = { bucket_name = "a", bucket_arn = "arn:aws:s3:::landing", kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:alias/a" }
    # objects larger than an upload in parts holds
    max_object_bytes = 161061273601
    # more in flight than sqs allows
    maximum_concurrency = 13
    # too many fetches at once
    fetch_concurrency = 257
    # archives over the limit of the code
    max_archive_bytes = 4294967297
    # a lock of no day
    object_lock = { mode = "governance", days = 0 }
  }

  expect_failures = [var.provisioned_pollers, var.timeout_s, var.compression_level, var.landing, var.max_object_bytes, var.maximum_concurrency, var.fetch_concurrency, var.max_archive_bytes, var.object_lock]
}

run "refuses_3" {
  command = plan

  variables {
    # a long window
    window_s = 301
    # a rate at which objects in parts are not sent in time
    max_archive_bytes = 62914560
    max_bytes_per_s   = 4000000
  }

  expect_failures = [var.window_s, var.max_bytes_per_s]
}

run "refuses_4" {
  command = plan

  variables {
    # a large batch
    batch_size          = 10001
    maximum_concurrency = 2
    # an archive of a single file
    max_archive_bytes = 1024
  }

  expect_failures = [var.batch_size, var.max_archive_bytes]
}

run "refuses_5" {
  command = plan

  variables {
    # a small batch
    batch_size = 1
    # archives that do not fit into memory
    memory_mb         = 1024
    max_archive_bytes = 1073741824
    # a rate at which they are not sent in time
    max_bytes_per_s = 8388608
  }

  expect_failures = [var.batch_size, var.memory_mb, var.max_bytes_per_s]
}

run "refuses_6" {
  command = plan

  variables {
    # a large batch without window
    window_s = 0
    # a rate below nothing
    max_bytes_per_s = -1
  }

  expect_failures = [var.batch_size, var.max_bytes_per_s]
}

run "refuses_7" {
  command = plan

  variables {
    # fewer reserved than batches
    reserved_concurrency = 9
  }

  expect_failures = [var.reserved_concurrency]
}
