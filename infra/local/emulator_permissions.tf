# What MiniStack checks and AWS does not, by its version that the lock file names.
locals {
  mapping_arn = join(":", [
    "arn:aws:lambda:${module.windrow.region}:${data.aws_caller_identity.current.account_id}",
    "event-source-mapping:${module.windrow.event_source_mapping_id}",
  ])

  # AWS checks the reading of one mapping as lambda:GetEventSourceMapping; MiniStack takes it for listing them.
  read_the_mapping = {
    Sid      = "ReadTheMapping"
    Effect   = "Allow"
    Action   = ["lambda:ListEventSourceMappings"]
    Resource = local.mapping_arn
  }
}

resource "aws_iam_role_policy" "emulator" {
  name = "emulator"
  role = module.windrow.role_names.aggregator
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.read_the_mapping,
      {
        # AWS checks PartiQL statements as dynamodb:PartiQLInsert and so on, on the table; MiniStack checks the API call.
        Sid    = "PartiQL"
        Effect = "Allow"
        Action = ["dynamodb:BatchExecuteStatement", "dynamodb:ExecuteStatement"]
        # "*" because MiniStack does not read the table's name out of the statements, and checks nothing narrower.
        Resource = "*"
      },
    ]
  })
}

resource "aws_iam_role_policy" "emulator_sentinel" {
  name   = "emulator"
  role   = module.windrow.role_names.sentinel
  policy = jsonencode({ Version = "2012-10-17", Statement = [local.read_the_mapping] })
}

# AWS checks each entry of a DeleteObjects call that names a version as s3:DeleteObjectVersion. MiniStack checks the
# first of them as s3:DeleteObject.
resource "aws_iam_role_policy" "emulator_retention" {
  name = "emulator"
  role = module.windrow.role_names.retention
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "AsMiniStackChecks"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject"]
      Resource = "arn:aws:s3:::${module.windrow.landing_bucket}/partner/*" # what the party uploads
    }]
  })
}
