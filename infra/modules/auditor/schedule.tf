resource "aws_scheduler_schedule" "daily" {
  #checkov:skip=CKV_AWS_297:the schedule holds no data: neither an input nor a secret

  name        = var.name
  description = "Runs the daily audit."

  schedule_expression = var.schedule

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.function.arn
    role_arn = aws_iam_role.schedule.arn

    # The next day judges what this one did not.
    retry_policy {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 3600
    }
  }
}

# Lambda queues what Scheduler hands over. An audit that failed is run once more: what it judged already it does not judge
# again.
resource "aws_lambda_function_event_invoke_config" "daily" {
  function_name                = module.function.name
  maximum_retry_attempts       = 1
  maximum_event_age_in_seconds = 3600
}

resource "aws_iam_role" "schedule" {
  name        = "${var.name}-schedule"
  description = "Lets EventBridge Scheduler run the daily audit."

  permissions_boundary = var.permissions_boundary_arn


  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Scheduler"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        # The schedules' group; Scheduler knows no condition on a single schedule.
        ArnEquals = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:scheduler:${var.region}:${var.account_id}:schedule-group/default" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  name = "invoke"
  role = aws_iam_role.schedule.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "RunTheAudit"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = module.function.arn
    }]
  })
}
