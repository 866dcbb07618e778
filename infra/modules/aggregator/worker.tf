# The role of workers on servers (`windrow run`): what the function may do, without the network interfaces that Lambda
# makes for it. Beside that a worker reads from the mapping how to batch, as Lambda does, and from the function how long
# it may run. Made after the mapping, whose ARN it names.
locals {
  follow_the_mapping = [
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
}

resource "aws_iam_role" "worker" {
  count = length(var.worker_principal_arns) == 0 ? 0 : 1

  name        = "${var.name}-worker"
  description = "What a server does in the place of the function ${var.name}."

  permissions_boundary = var.lambda.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Servers"
      Effect    = "Allow"
      Principal = { AWS = sort(tolist(var.worker_principal_arns)) }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "worker" {
  count = length(aws_iam_role.worker)

  name = "work"
  role = aws_iam_role.worker[0].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.work, local.follow_the_mapping)
  })
}
