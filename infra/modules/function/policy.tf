locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Lambda"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  # Lambda decrypts the settings on behalf of the role before it starts the function.
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
  settings_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DecryptOwnSettings"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = var.kms_key_arn
      Condition = { StringEquals = { "kms:ViaService" = "lambda.${var.region}.amazonaws.com" } }
    }]
  })

  log_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "WriteOwnLog"
      Effect = "Allow"
      Action = ["logs:CreateLogStream", "logs:PutLogEvents"]
      # Lambda chooses the names of streams; the wildcard covers those of this one group.
      Resource = "${aws_cloudwatch_log_group.this.arn}:log-stream:*"
    }]
  })

  network_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]

  # "*": Lambda refuses a role without these actions on every resource, since the interfaces do not exist when it checks,
  # and the Describe actions support no resources. The next statement denies them to the function's code.
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
  network_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "NetworkInterfaces"
      Effect   = "Allow"
      Action   = local.network_actions
      Resource = "*"
    }]
  })

  # Lambda's own calls have no source function; those by code in the function do.
  network_by_lambda_only_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "NotByTheCode"
      Effect    = "Deny"
      Action    = concat(local.network_actions, ["ec2:DetachNetworkInterface"])
      Resource  = "*" # a refusal of everything is what is meant
      Condition = { ArnEquals = { "lambda:SourceFunctionArn" = aws_lambda_function.this.arn } }
    }]
  })
}
