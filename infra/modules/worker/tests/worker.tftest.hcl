mock_provider "aws" {
  source = "../../tests/mocks"
}

# With a bad certificate Terraform does not evaluate the validation of the principals, so they have separate runs.
variables {
  name           = "windrow"
  description    = "What workers do."
  principal_arns = ["arn:aws:iam::111122223333:role/task", "arn:aws:iam::111122223333:role/instance"]
  policy         = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
}

run "servers_may_take_on_the_role" {
  command = apply

  assert {
    condition     = aws_iam_role.this.name == "windrow-worker" && aws_iam_role_policy.this.role == aws_iam_role.this.id && aws_iam_role_policy.this.policy == var.policy
    error_message = "The role must have the policy."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{ Sid = "Servers", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::111122223333:role/instance", "arn:aws:iam::111122223333:role/task"] }, Action = "sts:AssumeRole" }]
    error_message = "Only the named principals may assume the role."
  }

  assert {
    condition     = output.profile_arn == null
    error_message = "Optional resources must not be created by default."
  }
}

run "certificates_may_take_on_the_role" {
  command = apply

  variables {
    principal_arns           = []
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    certificates = {
      trust_anchor_arn = "arn:aws:rolesanywhere:eu-west-2:111122223333:trust-anchor/11111111-2222-3333-4444-555555555555"
      common_names     = ["worker-2", "worker-1"]
    }
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[*].Principal == [{ Service = "rolesanywhere.amazonaws.com" }]
    error_message = "Without roles and users only certificates may assume the role."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == { ArnEquals = { "aws:SourceArn" = var.certificates.trust_anchor_arn }, StringEquals = { "aws:PrincipalTag/x509Subject/CN" = ["worker-1", "worker-2"] } }
    error_message = "Only the named certificates may be accepted."
  }

  assert {
    condition     = one(aws_rolesanywhere_profile.this).role_arns == toset([aws_iam_role.this.arn]) && output.profile_arn == one(aws_rolesanywhere_profile.this).arn
    error_message = "The profile must allow this role only."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "The role must have the boundary."
  }
}

run "refuses_1" {
  command = plan

  variables {
    # a name without room for -worker
    name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    # a whole account
    principal_arns = ["arn:aws:iam::111122223333:root"]
  }

  expect_failures = [var.name, var.principal_arns]
}

run "refuses_2" {
  command = plan

  variables {
    # nobody
    principal_arns = []
  }

  expect_failures = [var.principal_arns]
}

run "refuses_3" {
  command = plan

  variables {
    # any trust anchor
    certificates = { trust_anchor_arn = "arn:aws:rolesanywhere:eu-west-2:111122223333:trust-anchor/*", common_names = ["worker-1"] }
  }

  expect_failures = [var.certificates]
}

run "refuses_4" {
  command = plan

  variables {
    # any certificate of the CA
    certificates = { trust_anchor_arn = "arn:aws:rolesanywhere:eu-west-2:111122223333:trust-anchor/1", common_names = ["*"] }
  }

  expect_failures = [var.certificates]
}
