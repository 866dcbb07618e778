# What `windrow deploy` needs, for the pipeline that runs it.
locals {
  deployer_statements = [
    {
      Sid    = "DeployTheFunction"
      Effect = "Allow"
      Action = [
        "lambda:GetAlias",
        "lambda:GetFunctionConfiguration",
        "lambda:InvokeFunction",
        "lambda:ListAliases",
        "lambda:ListVersionsByFunction",
        "lambda:PublishVersion",
        "lambda:UpdateAlias",
        "lambda:UpdateFunctionCode",
      ]
      Resource = [module.aggregator.function_arn, "${module.aggregator.function_arn}:*"] # its versions and aliases
    },
    {
      # Versions only: without the function's own ARN, the function can't be deleted.
      Sid      = "DeleteOldVersions"
      Effect   = "Allow"
      Action   = ["lambda:DeleteFunction"]
      Resource = "${module.aggregator.function_arn}:*" # its versions; Lambda refuses those that an alias leads to
    },
    {
      # When code is uploaded or published, Lambda encrypts the function's settings again and creates a grant for that, on
      # behalf of the caller. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
      Sid       = "KeepSettingsEncrypted"
      Effect    = "Allow"
      Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = module.key.arn
      Condition = { StringEquals = { "kms:ViaService" = "lambda.${local.region}.amazonaws.com" } }
    },
    {
      # For metrics CloudWatch supports only "*". Alarms could be named, but then its answer omits composite alarms, and
      # those of the latency objective would be unknown.
      # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
      Sid      = "Watch"
      Effect   = "Allow"
      Action   = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"]
      Resource = "*"
    },
  ]
}
