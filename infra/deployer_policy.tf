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
      # Versions only: the function's own ARN is not named.
      Sid      = "DeleteOldVersions"
      Effect   = "Allow"
      Action   = ["lambda:DeleteFunction"]
      Resource = "${module.aggregator.function_arn}:*" # its versions; Lambda refuses those that an alias leads to
    },
    {
      # Lambda encrypts the settings of what is uploaded and published anew, and makes a grant for it, in the caller's
      # name. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
      Sid       = "KeepSettingsEncrypted"
      Effect    = "Allow"
      Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = module.key.arn
      Condition = { StringEquals = { "kms:ViaService" = "lambda.${local.region}.amazonaws.com" } }
    },
    {
      # CloudWatch offers nothing narrower than "*" for metrics. Alarms can be named, but then it leaves composite alarms
      # out of the answer, and those that watch the latency objective would be unknown.
      # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
      Sid      = "Watch"
      Effect   = "Allow"
      Action   = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"]
      Resource = "*"
    },
  ]
}
