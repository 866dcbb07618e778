resource "aws_iam_role" "this" {
  name        = "${var.name}-schedule"
  description = "Lets EventBridge Scheduler run ${var.runs}."

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
        # The schedule group; Scheduler supports no condition on a single schedule.
        ArnEquals = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:scheduler:${var.region}:${var.account_id}:schedule-group/default" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "invoke"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "RunTheFunction"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = var.function.arn
    }]
  })
}
