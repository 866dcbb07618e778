# The role of servers that sweep (`windrow retain`): what the function may do, without the network interfaces that Lambda
# makes for it.
module "worker" {
  source = "../worker"
  count  = length(var.worker_principal_arns) == 0 ? 0 : 1

  name           = var.name
  description    = "What a server does in the place of the function ${var.name}."
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
