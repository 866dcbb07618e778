# What MiniStack checks and AWS does not. AWS checks PartiQL statements as dynamodb:PartiQLInsert and so on, and reading
# a mapping as lambda:GetEventSourceMapping, each on its resource: the aggregator's own policy allows these. MiniStack
# checks the API call on "*", and takes reading one mapping for listing them.
resource "aws_iam_role_policy" "emulator" {
  name = "emulator"
  role = module.windrow.role_names.aggregator
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "AsMiniStackChecks"
      Effect = "Allow"
      Action = [
        "dynamodb:BatchExecuteStatement",
        "dynamodb:ExecuteStatement",
        "lambda:ListEventSourceMappings",
      ]
      Resource = "*"
    }]
  })
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
