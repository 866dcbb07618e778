# The role of servers that run `windrow retain`: the function's permissions, without those for the network interfaces
# that Lambda creates for it.
module "worker" {
  source = "../worker"
  count  = length(var.worker_principal_arns) == 0 ? 0 : 1

  name           = var.name
  description    = "For servers that do the work of the function ${var.name}."
  principal_arns = var.worker_principal_arns
  policy         = local.policy

  permissions_boundary_arn = var.lambda.permissions_boundary_arn
}

moved {
  from = aws_iam_role.worker[0]
  to   = module.worker[0].aws_iam_role.this
}

moved {
  from = aws_iam_role_policy.worker[0]
  to   = module.worker[0].aws_iam_role_policy.this
}
