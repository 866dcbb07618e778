mock_provider "aws" {
  source = "../../tests/mocks"

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/pipeline/windrow-boundary" }
  }
}

variables {
  name                = "windrow"
  landing_bucket_name = "landing"
  region              = "eu-west-2"
  account_id          = "111122223333"
  state               = { bucket = "state", key = "windrow/terraform.tfstate" }
  oidc_provider_arn   = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  repository          = "example/windrow-stages"
  environment         = "staging"
}

run "plan_and_apply" {
  command = apply

  assert {
    condition     = { for job, role in aws_iam_role.this : job => jsondecode(role.assume_role_policy).Statement[*].Condition.StringEquals } == { apply = [{ "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com", "token.actions.githubusercontent.com:sub" = ["repo:example/windrow-stages:environment:staging"] }], plan = [{ "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com", "token.actions.githubusercontent.com:sub" = ["repo:example/windrow-stages:pull_request", "repo:example/windrow-stages:ref:refs/heads/main"] }] }
    error_message = "A pull request may plan, and the environment's jobs alone may apply."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : jsondecode(role.assume_role_policy).Statement[*].Action == ["sts:AssumeRoleWithWebIdentity"] && !startswith(role.name, "windrow-")])
    error_message = "Only workflows may assume the roles, and the role apply must not be able to change them."
  }

  assert {
    condition     = !anytrue([for action in flatten([for s in local.read_stack : s.Action]) : contains(["s3:GetObject", "s3:Get*", "secretsmanager:GetSecretValue", "dynamodb:GetItem", "dynamodb:Get*", "sqs:ReceiveMessage", "logs:GetLogEvents", "logs:FilterLogEvents", "kms:Decrypt"], action)])
    error_message = "A plan must not read files, messages, items, logs or secrets."
  }

  assert {
    condition     = alltrue([for action in flatten([for s in concat(local.read_state, local.read_stack) : s.Action]) : can(regex("^[a-z0-9]+:(Get|List|Describe)", action))])
    error_message = "A plan changes nothing."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this["apply-roles"].policy).Statement : s.Condition.StringEquals["iam:PermissionsBoundary"] if s.Effect == "Allow" && contains(s.Action, "iam:CreateRole")] == [output.permissions_boundary_arn]
    error_message = "Roles can be created with the boundary only."
  }

  assert {
    condition     = !anytrue([for s in local.change_roles : s.Effect == "Allow" && length(setintersection(s.Action, ["iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary", "iam:CreateRole"])) > 0 && !can(s.Condition.StringEquals["iam:PermissionsBoundary"])])
    error_message = "No role may get permissions without the boundary."
  }

  assert {
    condition     = alltrue([for s in concat(local.change_stack, local.write_state, local.change_roles) : s.Effect == "Deny" || !anytrue([for action in s.Action : contains(["iam:*", "sts:*", "kms:*", "s3:*"], action) || startswith(action, "iam:CreatePolicy")])])
    error_message = "The role must not be able to change the boundary or the resources of others."
  }

  assert {
    condition     = [for s in local.change_stack : toset(s.Action) if s.Effect == "Deny"] == [toset(["dynamodb:DeleteTable", "kms:DisableKey", "kms:ScheduleKeyDeletion", "s3:DeleteBucket", "s3:DeleteObject*", "s3:GetObject*", "secretsmanager:DeleteSecret", "secretsmanager:GetSecretValue"])]
    error_message = "A pipeline must not destroy data, or read a file or a secret."
  }

  assert {
    condition     = alltrue([for job in keys(aws_iam_role.this) : sum([for policy in aws_iam_role_policy.this : length(policy.policy) if policy.role == aws_iam_role.this[job].id]) <= 10240]) && length(aws_iam_policy.boundary.policy) <= 6144
    error_message = "IAM allows 10,240 characters for a role's inline policies, and 6,144 for a managed policy."
  }
}

run "deploy" {
  command = plan

  variables {
    deployer_policy = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Sid\": \"DeployTheFunction\"}]}"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this["deploy-deploy"].policy).Statement == [{ Sid = "DeployTheFunction" }] && jsondecode(aws_iam_role.this["deploy"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/windrow-stages:environment:staging"]
    error_message = "The role deploy must have the stack's policy, and only the environment's jobs may assume it."
  }
}
