resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Execution role of the function ${var.name}."
  assume_role_policy   = local.trust
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "log" {
  name   = "log"
  role   = aws_iam_role.this.id
  policy = local.log_policy
}

resource "aws_iam_role_policy" "settings" {
  name   = "settings"
  role   = aws_iam_role.this.id
  policy = local.settings_policy
}

resource "aws_iam_role_policy" "network" {
  #checkov:skip=CKV_AWS_290:Lambda requires these actions on every resource; network_by_lambda_only denies them to the code
  #checkov:skip=CKV_AWS_355:as CKV_AWS_290

  name   = "network"
  role   = aws_iam_role.this.id
  policy = local.network_policy
}

resource "aws_iam_role_policy" "work" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = var.policy
}

# Created after the function, whose ARN it names.
resource "aws_iam_role_policy" "network_by_lambda_only" {
  name   = "network-by-lambda-only"
  role   = aws_iam_role.this.id
  policy = local.network_by_lambda_only_policy
}
