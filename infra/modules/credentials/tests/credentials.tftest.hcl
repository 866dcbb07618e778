mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "windrow-destination"
  kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_secretsmanager_secret.destination.kms_key_id == "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    error_message = "The secret must be encrypted with the given key."
  }

  assert {
    condition     = aws_secretsmanager_secret.destination.recovery_window_in_days == 30
    error_message = "A deleted secret must be restorable."
  }
}
