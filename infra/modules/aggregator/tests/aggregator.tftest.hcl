mock_provider "aws" {
  source = "../../tests/mocks"
}

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

run "defaults" {
  command = apply

  assert {
    condition     = aws_lambda_event_source_mapping.queue.maximum_batching_window_in_seconds == 60 && aws_lambda_event_source_mapping.queue.batch_size == 10000
    error_message = "A batch must be a minute or 10,000 messages."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "Only what failed must come back."
  }

  assert {
    condition     = one(aws_lambda_event_source_mapping.queue.scaling_config).maximum_concurrency == 10
    error_message = "Batches in work must be limited."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue.function_name == aws_lambda_alias.live.arn
    error_message = "The mapping must invoke the alias."
  }

  assert {
    condition     = aws_lambda_alias.live.name == "live" && aws_lambda_alias.live.function_version == "7"
    error_message = "The alias must start at the published version."
  }

  assert {
    condition     = alltrue([for s in jsondecode(local.policy).Statement : s.Effect == "Allow"])
    error_message = "Each statement is a permission."
  }

  assert {
    condition     = alltrue(flatten([for s in jsondecode(local.policy).Statement : [for action in s.Action : !strcontains(action, "*")]]))
    error_message = "No action may contain a wildcard."
  }

  assert {
    condition     = [for s in jsondecode(local.policy).Statement : s.Sid if strcontains(s.Resource, "*")] == ["ReadLandedFiles"]
    error_message = "Only the objects of the landing bucket may be a wildcard."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s if s.Sid == "ReadLandedFiles"]).Resource == "arn:aws:s3:::landing/*" && one([for s in jsondecode(local.policy).Statement : s if s.Sid == "ReadLandedFiles"]).Action == ["s3:GetObject", "s3:GetObjectVersion"]
    error_message = "Files may be read, not changed."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s if s.Sid == "RejectForGood"]).Resource == "arn:aws:sqs:eu-west-2:111122223333:q-dlq"
    error_message = "Messages may be sent to the dead-letter queue only."
  }

  assert {
    condition     = !contains(one([for s in jsondecode(local.policy).Statement : s if s.Sid == "ClaimAndRecord"]).Action, "dynamodb:DeleteItem") && !contains(one([for s in jsondecode(local.policy).Statement : s if s.Sid == "ClaimAndRecord"]).Action, "dynamodb:Scan")
    error_message = "The ledger may not be emptied or read as a whole."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s if s.Sid == "ReadCredentials"]).Resource == "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"
    error_message = "One secret may be read."
  }

  assert {
    condition     = alltrue([for s in jsondecode(local.policy).Statement : can(s.Condition.StringEquals["kms:ViaService"]) if anytrue([for action in s.Action : startswith(action, "kms:")])])
    error_message = "Keys may be used through a service only."
  }

  assert {
    condition     = local.environment.WINDROW_LANDING_BUCKETS == "landing" && local.environment.WINDROW_DLQ_URL == "https://sqs.eu-west-2.amazonaws.com/111122223333/q-dlq"
    error_message = "Bucket and queues must be set."
  }

  assert {
    condition     = output.environment.WINDROW_DESTINATION_SECRET_ID == var.secret_arn
    error_message = "The secret must be named, not its value."
  }

  assert {
    condition     = length(module.worker) == 0 && output.worker_role_arn == null
    error_message = "Without servers there is no role for them."
  }

  assert {
    condition     = local.environment.WINDROW_MAX_OBJECT_BYTES == "5368709120" && local.environment.WINDROW_FETCH_CONCURRENCY == "16"
    error_message = "Numbers must be written out in digits."
  }
}

run "workers_an_alias_at_latest_and_provisioned_pollers" {
  command = apply

  # A state of its own: in that of the run above, the alias would stay where it is.
  state_key = "latest"

  variables {
    worker_principal_arns = ["arn:aws:iam::111122223333:role/worker"]
    initial_version       = "$LATEST"
    provisioned_pollers   = { minimum = 2, maximum = 4 }
    batch_size            = 3000
  }

  assert {
    condition     = one([for s in jsondecode(module.worker[0].policy).Statement : s.Resource if s.Sid == "ReadTheMapping"]) == aws_lambda_event_source_mapping.queue.arn
    error_message = "A worker may read this mapping, and not switch it."
  }

  assert {
    condition     = [for s in jsondecode(module.worker[0].policy).Statement : s.Sid if strcontains(jsonencode(s), "*")] == ["ReadLandedFiles"]
    error_message = "Only the objects of the landing bucket may be a wildcard."
  }

  assert {
    condition     = length(setsubtract(jsondecode(local.policy).Statement[*].Sid, jsondecode(module.worker[0].policy).Statement[*].Sid)) == 0
    error_message = "A worker does the function's work."
  }

  assert {
    condition     = !strcontains(module.worker[0].policy, "ec2:") && jsondecode(module.worker[0].trust).Statement[*].Principal == [{ AWS = ["arn:aws:iam::111122223333:role/worker"] }]
    error_message = "A worker makes no network interfaces, and the named servers alone are workers."
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "$LATEST"
    error_message = "The emulator needs it."
  }

  assert {
    condition     = [for config in aws_lambda_event_source_mapping.queue.provisioned_poller_config : [config.minimum_pollers, config.maximum_pollers]] == [[2, 4]] && length(aws_lambda_event_source_mapping.queue.scaling_config) == 0
    error_message = "Lambda takes pollers or a bound on batches, not both."
  }
}
