mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name               = "windrow-test"
  description        = "Tests."
  handler            = "windrow.functions.aggregate.handler"
  zip_path           = "../../tests/fixtures/function.zip"
  environment        = { WINDROW_LEDGER_TABLE = "ledger" }
  destination        = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn         = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"
  policy             = jsonencode({ Version = "2012-10-17", Statement = [] })
  timeout_s          = 120
  memory_mb          = 1024
  region             = "eu-west-2"
  subnet_ids         = ["subnet-1", "subnet-2"]
  security_group_ids = ["sg-1"]
  log_retention_days = 30
  kms_key_arn        = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "defaults" {
  command = apply

  assert {
    condition     = aws_lambda_function.this.runtime == "python3.13" && aws_lambda_function.this.architectures == tolist(["arm64"])
    error_message = "The function must run on Python 3.13 and arm64."
  }

  assert {
    condition     = !aws_lambda_function.this.publish
    error_message = "Without an alias versions would only pile up."
  }

  assert {
    condition = one(aws_lambda_function.this.environment).variables == tomap({
      WINDROW_LEDGER_TABLE          = "ledger"
      WINDROW_DESTINATION_ENDPOINT  = "https://minio.example.com:9000"
      WINDROW_DESTINATION_BUCKET    = "archives"
      WINDROW_DESTINATION_PREFIX    = ""
      WINDROW_DESTINATION_REGION    = "us-east-1"
      WINDROW_DESTINATION_SECRET_ID = var.secret_arn
    })
    error_message = "It must know the destination, and the name of the secret, not its value."
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "By default the function must share the account's concurrency."
  }

  assert {
    condition     = length(one(aws_lambda_function.this.vpc_config).subnet_ids) == 2
    error_message = "The function must run in the VPC."
  }

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000" && aws_cloudwatch_log_group.this.kms_key_id == "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    error_message = "Settings and log must be encrypted with the given key."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/windrow-test" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "The log must have its own group with a retention."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role.this.assume_role_policy).Statement : s.Principal] == [{ Service = "lambda.amazonaws.com" }]
    error_message = "Only Lambda may assume the role."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.log.policy).Statement[0].Resource == "${aws_cloudwatch_log_group.this.arn}:log-stream:*"
    error_message = "The function may write its own log only."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.settings.policy).Statement == [{ Sid = "DecryptOwnSettings", Effect = "Allow", Action = ["kms:Decrypt"], Resource = var.kms_key_arn, Condition = { StringEquals = { "kms:ViaService" = "lambda.eu-west-2.amazonaws.com" } } }]
    error_message = "Lambda decrypts the settings on behalf of the role, which may use the key for that only."
  }

  assert {
    condition     = alltrue([for action in jsondecode(aws_iam_role_policy.network.policy).Statement[0].Action : startswith(action, "ec2:") && !strcontains(action, "*")])
    error_message = "The one statement on every resource must be limited to network interfaces."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.network_by_lambda_only.policy).Statement[0].Effect == "Deny" && jsondecode(aws_iam_role_policy.network_by_lambda_only.policy).Statement[0].Condition.ArnEquals["lambda:SourceFunctionArn"] == aws_lambda_function.this.arn
    error_message = "The code in the function must not touch network interfaces."
  }
}

run "zero_reserved_concurrency_is_kept" {
  command = apply

  variables {
    reserved_concurrency = 0
    publish              = true
  }

  assert {
    condition     = aws_lambda_function.this.publish
    error_message = "Each change must make a version where an alias moves to it."
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 0
    error_message = "0 must not turn into none."
  }
}
