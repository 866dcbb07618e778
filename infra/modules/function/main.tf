locals {
  environment = merge(var.environment, {
    WINDROW_DESTINATION_ENDPOINT  = var.destination.endpoint
    WINDROW_DESTINATION_BUCKET    = var.destination.bucket
    WINDROW_DESTINATION_PREFIX    = var.destination.prefix
    WINDROW_DESTINATION_REGION    = var.destination.region
    WINDROW_DESTINATION_SECRET_ID = var.secret_arn
  })
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:X-Ray would need its own endpoint; log lines have the request id
  #checkov:skip=CKV_AWS_115:reserved_concurrency is an input: it takes from the pool of the whole account
  #checkov:skip=CKV_AWS_116:no asynchronous event matters: SQS keeps failed batches, and the next schedule probes or sweeps again
  #checkov:skip=CKV_AWS_272:a signing profile belongs to a release process of the company; the zip is reproducible, so its hash can be checked

  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn

  runtime       = "python3.13"
  architectures = ["arm64"]
  handler       = var.handler
  filename      = var.zip_path

  source_code_hash = filebase64sha256(var.zip_path)
  publish          = var.publish

  timeout                        = var.timeout_s
  memory_size                    = var.memory_mb
  reserved_concurrent_executions = var.reserved_concurrency == null ? -1 : var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn

  # Set only if it is not Lambda's default.
  dynamic "ephemeral_storage" {
    for_each = var.ephemeral_storage_mb == 512 ? [] : [var.ephemeral_storage_mb]

    content {
      size = ephemeral_storage.value
    }
  }

  environment {
    variables = local.environment
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = var.security_group_ids
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  # Lambda checks the role's permissions when it creates the function, and needs them to delete the network interfaces.
  depends_on = [
    aws_iam_role_policy.log,
    aws_iam_role_policy.network,
    aws_iam_role_policy.settings,
    aws_iam_role_policy.work,
  ]
}
