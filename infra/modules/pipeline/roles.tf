# Roles of GitHub's workflows, which assume them with a token that names the repository and the kind of job; no long-lived
# key exists. https://docs.github.com/actions/concepts/security/openid-connect
locals {
  jobs = {
    # Whoever can open a pull request from a branch of the repository can change what the job does, so this role reads
    # settings, but no files or secrets. GitHub gives no token to pull requests from forks.
    plan  = ["pull_request", "ref:refs/heads/main"]
    apply = ["environment:${var.environment}"]
    # Separate from the role apply, so that traffic can be shifted without permission to change the stack.
    deploy = ["environment:${var.environment}"]
  }

  policies = merge(
    {
      plan  = { state = local.read_state, read = local.read_stack }
      apply = { state = local.write_state, read = local.read_stack, change = local.change_stack, roles = local.change_roles }
    },
    { for policy in var.deployer_policy[*] : "deploy" => { deploy = jsondecode(policy).Statement } },
  )

  # One inline policy each: a role's inline policies may have 10,240 characters together.
  each_policy = merge([for job, policies in local.policies : { for name, statements in policies : "${job}-${name}" => {
    job        = job
    name       = name
    statements = statements
  } }]...)
}

resource "aws_iam_role" "this" {
  for_each = local.policies

  # The name does not start with the stack's, so that the role apply can't change itself.
  name                 = "pipeline-${var.name}-${each.key}"
  description          = "Jobs of ${var.repository} that ${each.key} ${var.name}."
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Workflow"
      Effect    = "Allow"
      Principal = { Federated = var.oidc_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = [for of in local.jobs[each.key] : "repo:${var.repository}:${of}"]
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.each_policy

  name   = each.value.name
  role   = aws_iam_role.this[each.value.job].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}
