mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "windrow-destination-rotation"
  secret_arn  = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-destination-a1b2c3"
  destination = { endpoint = "https://minio.example.com:9000", bucket = "archives" }

  lambda = {
    zip_path           = "../../tests/fixtures/function.zip"
    subnet_ids         = ["subnet-1", "subnet-2"]
    security_group_ids = ["sg-1"]
    kms_key_arn        = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    region             = "eu-west-2"
    account_id         = "111122223333"
  }
}

run "defaults" {
  command = apply

  assert {
    condition     = one(one(values(aws_secretsmanager_secret_rotation.this)).rotation_rules).automatically_after_days == 30
    error_message = "Credentials must be rotated each 30 days."
  }

  assert {
    condition     = !one(values(aws_secretsmanager_secret_rotation.this)).rotate_immediately
    error_message = "An apply must not rotate."
  }

  assert {
    condition     = aws_lambda_permission.secrets_manager.principal == "secretsmanager.amazonaws.com" && aws_lambda_permission.secrets_manager.source_arn == var.secret_arn && aws_lambda_permission.secrets_manager.source_account == "111122223333"
    error_message = "Only Secrets Manager may rotate, for this secret."
  }

  assert {
    condition     = alltrue([for s in jsondecode(local.policy).Statement : !strcontains(s.Resource, "*")])
    error_message = "No resource may contain a wildcard."
  }

  assert {
    condition     = toset(one([for s in jsondecode(local.policy).Statement : s.Action if s.Sid == "RotateThisSecret"])) == toset(["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"])
    error_message = "Rotation needs these three actions and no other."
  }
}

run "other_days_update_the_schedule_in_place" {
  command = apply

  variables {
    rotation_days = 60
  }

  assert {
    condition     = { for key, rotation in aws_secretsmanager_secret_rotation.this : key => one(rotation.rotation_rules).automatically_after_days } == { schedule = 60 }
    error_message = "With another key it would be destroyed and created again."
  }
}

run "no_rotation_before_there_is_a_value" {
  command = apply

  variables {
    rotation_days = null
  }

  assert {
    condition     = length(aws_secretsmanager_secret_rotation.this) == 0
    error_message = "There must be no schedule yet."
  }
}
