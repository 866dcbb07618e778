resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:the schedule holds no data: neither an input nor a secret

  name        = var.name
  description = "Runs ${var.runs}."

  schedule_expression = var.expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.function.arn
    role_arn = aws_iam_role.this.arn

    # For events that Scheduler can't pass to Lambda.
    retry_policy {
      maximum_retry_attempts       = var.retries.scheduler
      maximum_event_age_in_seconds = var.event_age_s
    }
  }
}

# Scheduler only passes the event on. Lambda queues it, and by default would run it up to three times within six hours.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = var.function.name
  maximum_retry_attempts       = var.retries.lambda
  maximum_event_age_in_seconds = var.event_age_s
}
