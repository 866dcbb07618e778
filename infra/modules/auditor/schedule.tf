module "schedule" {
  source = "../schedule"

  name       = var.name
  runs       = "the daily audit"
  expression = var.schedule
  function   = { name = module.function.name, arn = module.function.arn }

  # A failed audit is run once more; it does not repeat what it has already judged. The next day's audit does the rest.
  retries     = { scheduler = 2, lambda = 1 }
  event_age_s = 3600

  region                   = var.lambda.region
  account_id               = var.lambda.account_id
  permissions_boundary_arn = var.lambda.permissions_boundary_arn
}

moved {
  from = aws_scheduler_schedule.daily
  to   = module.schedule.aws_scheduler_schedule.this
}

moved {
  from = aws_lambda_function_event_invoke_config.daily
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
