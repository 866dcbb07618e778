mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  stack                = "windrow"
  name                 = "windrow-sentinel"
  region               = "eu-west-2"
  account_id           = "111122223333"
  zip_path             = "../../tests/fixtures/function.zip"
  event_source_mapping = { uuid = "u", arn = "arn:aws:lambda:eu-west-2:111122223333:event-source-mapping:u" }
  ledger               = { name = "ledger", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/ledger" }
  destination          = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn           = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"
  subnet_ids           = ["subnet-1", "subnet-2"]
  security_group_ids   = ["sg-1"]
  kms_key_arn          = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "defaults" {
  command = apply

  assert {
    condition     = aws_scheduler_schedule.each_minute.schedule_expression == "rate(1 minute)" && one(aws_scheduler_schedule.each_minute.flexible_time_window).mode == "OFF"
    error_message = "The schedule must be one minute, on time."
  }

  assert {
    condition     = one(one(aws_scheduler_schedule.each_minute.target).retry_policy).maximum_retry_attempts == 0
    error_message = "A probe that could not be started must not be started late."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.each_minute.maximum_retry_attempts == 0 && aws_lambda_function_event_invoke_config.each_minute.maximum_event_age_in_seconds == 60
    error_message = "A failed probe must not be repeated late."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.schedule.policy).Statement[0].Resource == module.function.arn && jsondecode(aws_iam_role_policy.schedule.policy).Statement[0].Action == ["lambda:InvokeFunction"]
    error_message = "The schedule may invoke this function only."
  }

  assert {
    condition     = jsondecode(aws_iam_role.schedule.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "111122223333"
    error_message = "Only this account's schedules may take on the role."
  }

  assert {
    condition     = alltrue(flatten([for s in jsondecode(local.policy).Statement : [for action in s.Action : !strcontains(action, "*")]]))
    error_message = "No action may hold a wildcard."
  }

  assert {
    condition     = !anytrue([for s in jsondecode(local.policy).Statement : strcontains(s.Resource, "*")])
    error_message = "No resource may hold a wildcard."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s if s.Sid == "ReadHowDeliveriesEnd"]).Action == ["dynamodb:GetItem"] && one([for s in jsondecode(local.policy).Statement : s if s.Sid == "ReadHowDeliveriesEnd"]).Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] == ["deliveries#failed", "deliveries#delivered"]
    error_message = "It may read how deliveries end, and change nothing of that."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s.Resource if s.Sid == "SwitchTheMapping"]) == var.event_source_mapping.arn
    error_message = "It may switch this mapping only."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s if s.Sid == "KeepTheCircuitsState"]).Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] == ["circuit#u"] && one([for s in jsondecode(local.policy).Statement : s if s.Sid == "KeepTheCircuitsState"]).Action == ["dynamodb:GetItem", "dynamodb:PutItem"]
    error_message = "Of the ledger it may read and write its own item only."
  }
}
