# Roles for people and servers outside the stack, here and when `make aws-verify` tests it on AWS. They have only the
# permissions that the stack gives them.
locals {
  # Lets tests assume the roles with the emulator's root keys, so that no access key is in the state.
  trust_this_account = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ThisAccount"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
      Action    = "sts:AssumeRole"
    }]
  })
}

data "aws_caller_identity" "current" {}

# The external party.
resource "aws_iam_role" "partner" {
  name               = "${var.name}-partner"
  assume_role_policy = local.trust_this_account
}

# A server next to MinIO that runs `windrow run` and `windrow retain`.
resource "aws_iam_role" "worker" {
  name               = "${var.name}-worker"
  assume_role_policy = local.trust_this_account
}

# A role of the same account needs both: the trust of the other role, and permission to assume it.
resource "aws_iam_role_policy" "worker" {
  name = "take-on-the-workers-roles"
  role = aws_iam_role.worker.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "TakeOnTheWorkersRoles"
      Effect   = "Allow"
      Action   = "sts:AssumeRole"
      Resource = values(module.windrow.worker_role_arns)
    }]
  })
}

# The operators, and the pipeline that deploys: the stack outputs their policies, but creates no roles for them.
resource "aws_iam_role" "operator" {
  name               = "${var.name}-operator"
  assume_role_policy = local.trust_this_account
}

resource "aws_iam_role_policy" "operator" {
  name   = "operate"
  role   = aws_iam_role.operator.id
  policy = module.windrow.operator_policy
}

resource "aws_iam_role" "deployer" {
  name               = "${var.name}-deployer"
  assume_role_policy = local.trust_this_account
}

resource "aws_iam_role_policy" "deployer" {
  name   = "deploy"
  role   = aws_iam_role.deployer.id
  policy = module.windrow.deployer_policy
}
