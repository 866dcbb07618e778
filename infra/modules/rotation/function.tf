module "function" {
  source = "../function"

  name        = var.name
  description = "Replaces the destination's credentials."
  handler     = "windrow.functions.rotate.handler"
  zip_path    = var.lambda.zip_path
  policy      = local.policy
  destination = var.destination
  secret_arn  = var.secret_arn

  environment = {
    WINDROW_MAX_OBJECT_BYTES  = tostring(var.max_object_bytes)
    WINDROW_MAX_ARCHIVE_BYTES = tostring(var.max_archive_bytes)
  }

  timeout_s            = 60
  memory_mb            = 256
  reserved_concurrency = var.reserved_concurrency

  region             = var.lambda.region
  subnet_ids         = var.lambda.subnet_ids
  security_group_ids = var.lambda.security_group_ids
  log_retention_days = var.lambda.log_retention_days
  kms_key_arn        = var.lambda.kms_key_arn

  permissions_boundary_arn = var.lambda.permissions_boundary_arn
}

resource "aws_lambda_permission" "secrets_manager" {
  statement_id   = "SecretsManager"
  function_name  = module.function.name
  action         = "lambda:InvokeFunction"
  principal      = "secretsmanager.amazonaws.com"
  source_account = var.lambda.account_id
  source_arn     = var.secret_arn
}

resource "aws_secretsmanager_secret_rotation" "this" {
  #checkov:skip=CKV_AWS_304:30 days by default; Checkov does not resolve the input

  # The key does not depend on the days, so that a new number is an update in place. If the rotation were destroyed and
  # created again, the two requests would race, and the cancellation could come last.
  for_each = var.rotation_days == null ? {} : { schedule = var.rotation_days }

  secret_id           = var.secret_arn
  rotation_lambda_arn = module.function.arn
  # The first rotation waits until it is due: an apply should not change credentials.
  rotate_immediately = false

  rotation_rules {
    automatically_after_days = each.value
  }

  depends_on = [aws_lambda_permission.secrets_manager]
}
