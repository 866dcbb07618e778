mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  landing_bucket_name = "windrow-landing"
  uploaders           = { partner = { principal_arn = "arn:aws:iam::444455556666:role/uploader", prefix = "partner/" } }
  destination         = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  alarms              = { runbook_url = "https://example.com/runbook", topic_arns = ["arn:aws:sns:eu-west-2:111122223333:oncall"] }
  disposable          = true # what is protected can't be removed after the test either
  workers = {
    principal_arns = ["arn:aws:iam::111122223333:role/task"]
    certificates = {
      trust_anchor_arn = "arn:aws:rolesanywhere:eu-west-2:111122223333:trust-anchor/11111111-2222-3333-4444-555555555555"
      common_names     = ["worker-1"]
    }
  }
}

run "the_set_up_holds_together" {
  command = apply

  assert {
    condition     = module.queue.visibility_timeout_s == 6 * 120 + 60
    error_message = "The queue must hide messages for as long as a worker's batches may take."
  }

  assert {
    condition     = [for s in jsondecode(module.worker.trust).Statement : s.Principal] == [{ AWS = ["arn:aws:iam::111122223333:role/task"] }, { Service = "rolesanywhere.amazonaws.com" }]
    error_message = "Only the named principals may assume the role."
  }

  assert {
    condition     = output.worker_profile_arn != null && output.worker_role_arn == module.worker.role_arn
    error_message = "Servers with a certificate need the profile and the role."
  }

  assert {
    condition     = alltrue([for action in flatten(jsondecode(module.worker.policy).Statement[*].Action) : !strcontains(action, "*") && !startswith(action, "lambda:")])
    error_message = "There is no function to ask, and no action may be a wildcard."
  }

  assert {
    condition     = contains(flatten([for s in jsondecode(module.worker.policy).Statement : s.Action if s.Resource == module.ledger.arn]), "dynamodb:GetItem")
    error_message = "A worker must be able to read its circuit."
  }

  assert {
    condition     = toset([for s in jsondecode(output.operator_policy).Statement : s.Resource if contains(s.Action, "sqs:SendMessage") || contains(s.Action, "sqs:StartMessageMoveTask")]) == toset([module.queue.arn, module.queue.dead_letter_arn])
    error_message = "Operators must be able to send files and dead letters back."
  }

  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.this : endswith(alarm.alarm_description, ". https://example.com/runbook#${name}")]) && toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["dlq-not-empty", "oldest-message", "queue-depth"])
    error_message = "Each alarm must link its section of the runbook."
  }

  assert {
    condition     = !strcontains(output.environment_file, "PREFIX") && strcontains(output.environment_file, "WINDROW_DESTINATION_BUCKET=archives\n")
    error_message = "The file must contain a line for each setting that has a value."
  }
}

run "files_are_kept_and_roles_may_be_enough" {
  command = plan

  variables {
    disposable = false
    alarms     = null
    workers    = { principal_arns = ["arn:aws:iam::111122223333:role/task"] }
  }

  assert {
    condition     = length(terraform_data.files_are_kept) == 1
    error_message = "A plan that destroys must fail as a whole."
  }

  assert {
    condition     = output.worker_profile_arn == null && length(aws_cloudwatch_metric_alarm.this) == 0
    error_message = "Optional resources must not be created by default."
  }
}
