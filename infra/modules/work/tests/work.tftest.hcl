variables {
  region      = "eu-west-2"
  landing     = { bucket_arn = "arn:aws:s3:::landing", kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/landing" }
  queue       = { arn = "arn:aws:sqs:eu-west-2:111122223333:q", dead_letter_arn = "arn:aws:sqs:eu-west-2:111122223333:q-dlq" }
  ledger_arn  = "arn:aws:dynamodb:eu-west-2:111122223333:table/ledger"
  secret_arn  = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"
  kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "nothing_is_deleted_but_messages" {
  command = plan

  assert {
    condition     = [for action in flatten(output.statements[*].Action) : action if strcontains(action, "Delete") || strcontains(action, "*")] == ["sqs:DeleteMessage"]
    error_message = "Files, ledger and secret are not the work's to delete."
  }

  assert {
    condition     = alltrue([for s in output.statements : s.Condition.StringEquals["kms:ViaService"] != null if contains(s.Action, "kms:Decrypt")])
    error_message = "The key may be used through a service only."
  }
}
