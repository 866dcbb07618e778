# The role of workers on servers (`windrow run`): the function's permissions, without those for the network interfaces
# that Lambda creates for it. A worker also reads the batching settings from the mapping, as Lambda does, and the
# timeout from the function. Created after the mapping, whose ARN it names.
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

module "worker" {
  source = "../worker"
  count  = length(var.worker_principal_arns) == 0 ? 0 : 1

  name           = var.name
  description    = "For servers that do the work of the function ${var.name}."
  principal_arns = var.worker_principal_arns
  policy         = jsonencode({ Version = "2012-10-17", Statement = concat(local.work, local.follow_the_mapping) })

  permissions_boundary_arn = var.lambda.permissions_boundary_arn
}

moved {
  from = aws_iam_role.worker[0]
  to   = module.worker[0].aws_iam_role.this
}

moved {
  from = aws_iam_role_policy.worker[0]
  to   = module.worker[0].aws_iam_role_policy.this
}
