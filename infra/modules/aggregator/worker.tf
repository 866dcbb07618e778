# A worker on a server reads from the mapping how to batch, as Lambda does, and from the function how long it may run.
# Made after the mapping, whose ARN it names.
resource "aws_iam_role_policy" "worker" {
  count = length(var.worker_principal_arns) == 0 ? 0 : 1

  name = "worker"
  role = module.function.role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadTheMapping"
        Effect   = "Allow"
        Action   = ["lambda:GetEventSourceMapping"]
        Resource = aws_lambda_event_source_mapping.queue.arn
      },
      {
        Sid      = "ReadTheFunctionsLimits"
        Effect   = "Allow"
        Action   = ["lambda:GetFunctionConfiguration"]
        Resource = [module.function.arn, aws_lambda_alias.live.arn]
      },
      {
        Sid      = "FindTheQueue"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueUrl"]
        Resource = var.queue.arn
      },
    ]
  })
}
