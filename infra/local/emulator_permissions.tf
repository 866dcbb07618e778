# Permissions that MiniStack requires and AWS does not, in the version that the lock file names.
locals {
  mapping_arn = join(":", [
    "arn:aws:lambda:${module.windrow.region}:${data.aws_caller_identity.current.account_id}",
    "event-source-mapping:${module.windrow.event_source_mapping_id}",
  ])

  # AWS checks the reading of one mapping as lambda:GetEventSourceMapping; MiniStack checks it as listing them.
  read_the_mapping = {
    Sid      = "ReadTheMapping"
    Effect   = "Allow"
    Action   = ["lambda:ListEventSourceMappings"]
    Resource = local.mapping_arn
  }
}

resource "aws_iam_role_policy" "emulator" {
  for_each = {
    function = module.windrow.role_names.aggregator
    worker   = split("/", module.windrow.worker_role_arns.aggregator)[1]
  }

  name = "emulator"
  role = each.value
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(each.key == "worker" ? [local.read_the_mapping] : [], [{
      # AWS checks PartiQL statements as dynamodb:PartiQLInsert and so on, on the table; MiniStack checks the API call.
      Sid    = "PartiQL"
      Effect = "Allow"
      Action = ["dynamodb:BatchExecuteStatement", "dynamodb:ExecuteStatement"]
      # "*" because MiniStack does not parse the table's name from the statements.
      Resource = "*"
    }])
  })
}

resource "aws_iam_role_policy" "emulator_sentinel" {
  name   = "emulator"
  role   = module.windrow.role_names.sentinel
  policy = jsonencode({ Version = "2012-10-17", Statement = [local.read_the_mapping] })
}
