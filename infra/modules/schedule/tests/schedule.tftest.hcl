mock_provider "aws" {
  source = "../../tests/mocks"
}

# `refuses` gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name        = "windrow-sentinel"
  runs        = "the sentinel"
  expression  = "rate(1 minute)"
  function    = { name = "windrow-sentinel", arn = "arn:aws:lambda:eu-west-2:111122223333:function:windrow-sentinel" }
  retries     = { scheduler = 2, lambda = 1 }
  event_age_s = 60
  region      = "eu-west-2"
  account_id  = "111122223333"

  permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
}

run "defaults" {
  command = apply

  assert {
    condition     = aws_scheduler_schedule.this.schedule_expression == "rate(1 minute)" && one(aws_scheduler_schedule.this.flexible_time_window).mode == "OFF"
    error_message = "It must run when the expression says, on time."
  }

  assert {
    condition     = one(aws_scheduler_schedule.this.target).arn == var.function.arn && one(aws_scheduler_schedule.this.target).role_arn == aws_iam_role.this.arn
    error_message = "It must run this function, in the role created here."
  }

  assert {
    condition     = one(one(aws_scheduler_schedule.this.target).retry_policy).maximum_retry_attempts == 2 && one(one(aws_scheduler_schedule.this.target).retry_policy).maximum_event_age_in_seconds == 60
    error_message = "Scheduler must use the given number of retries and age."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this.function_name == "windrow-sentinel" && aws_lambda_function_event_invoke_config.this.maximum_retry_attempts == 1 && aws_lambda_function_event_invoke_config.this.maximum_event_age_in_seconds == 60
    error_message = "Lambda must use the given number of retries and age."
  }

  assert {
    condition     = one(jsondecode(aws_iam_role_policy.this.policy).Statement).Resource == var.function.arn && one(jsondecode(aws_iam_role_policy.this.policy).Statement).Action == ["lambda:InvokeFunction"]
    error_message = "The schedule may invoke this function only."
  }

  assert {
    condition     = one(jsondecode(aws_iam_role.this.assume_role_policy).Statement).Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" }, ArnEquals = { "aws:SourceArn" = "arn:aws:scheduler:eu-west-2:111122223333:schedule-group/default" } }
    error_message = "Only this account's schedules may assume the role."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "The role must have the boundary."
  }
}

run "refuses" {
  command = plan

  variables {
    # a name without room for -schedule
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    # no schedule
    expression = "every morning"
    # any function
    function = { name = "windrow-sentinel", arn = "arn:aws:lambda:eu-west-2:111122223333:function:*" }
    # more than Lambda does
    retries = { scheduler = 2, lambda = 3 }
    # less than Lambda keeps
    event_age_s = 59
    # an invalid region
    region = "London"
    # an invalid account
    account_id = "12345"
    # a role as the boundary
    permissions_boundary_arn = "arn:aws:iam::111122223333:role/boundary"
  }

  expect_failures = [var.name, var.expression, var.function, var.retries, var.event_age_s, var.region, var.account_id, var.permissions_boundary_arn]
}
