module "schedule" {
  source = "../schedule"

  name       = var.name
  runs       = "the sentinel"
  expression = "rate(1 minute)"
  function   = { name = module.function.name, arn = module.function.arn }

  # No retries: the next minute's probe follows, and a late probe would only overlap with it.
  retries     = { scheduler = 0, lambda = 0 }
  event_age_s = 60

  region                   = var.lambda.region
  account_id               = var.lambda.account_id
  permissions_boundary_arn = var.lambda.permissions_boundary_arn
}

moved {
  from = aws_scheduler_schedule.each_minute
  to   = module.schedule.aws_scheduler_schedule.this
}

moved {
  from = aws_lambda_function_event_invoke_config.each_minute
  to   = module.schedule.aws_lambda_function_event_invoke_config.this
}

moved {
  from = aws_iam_role.schedule
  to   = module.schedule.aws_iam_role.this
}

moved {
  from = aws_iam_role_policy.schedule
  to   = module.schedule.aws_iam_role_policy.this
}
