# The role of servers that sweep (`windrow retain`): what the function may do, without the network interfaces that Lambda
# makes for it.
resource "aws_iam_role" "worker" {
  count = length(var.worker_principal_arns) == 0 ? 0 : 1

  name        = "${var.name}-worker"
  description = "What a server does in the place of the function ${var.name}."

  permissions_boundary = var.lambda.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Servers"
      Effect    = "Allow"
      Principal = { AWS = sort(tolist(var.worker_principal_arns)) }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "worker" {
  count = length(aws_iam_role.worker)

  name   = "work"
  role   = aws_iam_role.worker[0].id
  policy = local.policy
}
