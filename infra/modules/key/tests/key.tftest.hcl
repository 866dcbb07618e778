mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "windrow"
  description = "Encrypts the test."
  account_id  = "111122223333"
}

run "defaults" {
  command = apply

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key must rotate."
  }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 30
    error_message = "A destroyed key must be kept for 30 days."
  }

  assert {
    condition     = aws_kms_alias.this.name == "alias/windrow"
    error_message = "The alias must carry the name."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_kms_key.this.policy).Statement : s.Principal.AWS == "arn:aws:iam::111122223333:root"])
    error_message = "Without grants only the account itself may appear in the policy."
  }

  assert {
    condition     = alltrue(flatten([for s in jsondecode(aws_kms_key.this.policy).Statement : [for action in s.Action : !strcontains(action, "*")]]))
    error_message = "No action may contain a wildcard."
  }
}

run "a_grant_is_tied_to_its_source" {
  command = apply

  variables {
    grants = [{
      sid        = "Logs"
      principals = { type = "Service", identifiers = ["logs.eu-west-2.amazonaws.com"] }
      actions    = ["kms:Decrypt"]
      conditions = [{ test = "StringEquals", variable = "aws:SourceAccount", values = ["111122223333"] }]
    }]
  }

  assert {
    condition     = one([for s in jsondecode(aws_kms_key.this.policy).Statement : s if s.Sid == "Logs"]).Principal.Service == ["logs.eu-west-2.amazonaws.com"]
    error_message = "The grant must name its service."
  }

  assert {
    condition     = one([for s in jsondecode(aws_kms_key.this.policy).Statement : s if s.Sid == "Logs"]).Condition.StringEquals["aws:SourceAccount"] == ["111122223333"]
    error_message = "The grant must carry its condition."
  }
}

run "grants_must_fit_into_a_policy" {
  command = plan

  variables {
    grants = [{
      sid        = "Uploaders"
      principals = { type = "AWS", identifiers = [for number in range(1000) : "arn:aws:iam::444455556666:role/uploader-${number}"] }
      actions    = ["kms:GenerateDataKey"]
      conditions = [{ test = "StringEquals", variable = "kms:ViaService", values = ["s3.eu-west-2.amazonaws.com"] }]
    }]
  }

  expect_failures = [aws_kms_key.this]
}
