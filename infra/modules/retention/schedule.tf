module "schedule" {
  source = "../schedule"

  name       = var.name
  runs       = "the retention sweep"
  expression = "rate(1 hour)"
  function   = { name = module.function.name, arn = module.function.arn }

  # No retries: the next hour's sweep continues.
  retries     = { scheduler = 0, lambda = 0 }
  event_age_s = 600

  region                   = var.lambda.region
  account_id               = var.lambda.account_id
  permissions_boundary_arn = var.lambda.permissions_boundary_arn
}

moved {
  from = aws_scheduler_schedule.each_hour
  to   = module.schedule.aws_scheduler_schedule.this
}

moved {
  from = aws_lambda_function_event_invoke_config.this
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
