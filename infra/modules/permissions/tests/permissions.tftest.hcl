variables {
  region      = "eu-west-2"
  landing     = { bucket_arn = "arn:aws:s3:::landing", kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/landing" }
  queue       = { arn = "arn:aws:sqs:eu-west-2:111122223333:q", dead_letter_arn = "arn:aws:sqs:eu-west-2:111122223333:q-dlq" }
  ledger_arn  = "arn:aws:dynamodb:eu-west-2:111122223333:table/ledger"
  secret_arn  = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"
  kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "work_deletes_nothing_but_messages" {
  command = plan

  assert {
    condition     = [for action in flatten(output.work[*].Action) : action if strcontains(action, "Delete") || strcontains(action, "*")] == ["sqs:DeleteMessage"]
    error_message = "Files, ledger and secret are not the work's to delete."
  }

  assert {
    condition     = alltrue([for s in output.work : s.Condition.StringEquals["kms:ViaService"] != null if contains(s.Action, "kms:Decrypt")])
    error_message = "The key may be used through a service only."
  }
}

run "operators_delete_rejected_files_and_dead_letters_alone" {
  command = plan

  assert {
    condition = sort(flatten([for s in output.operate : [for action in s.Action : "${action} on ${s.Resource}" if strcontains(action, "Delete") && action != "kms:CancelKeyDeletion"]])) == tolist([
      "s3:DeleteObjectVersion on arn:aws:s3:::landing/*",
      "sqs:DeleteMessage on arn:aws:sqs:eu-west-2:111122223333:q-dlq",
    ])
    error_message = "Only file versions and dead-letter messages may be deleted."
  }

  assert {
    condition     = !anytrue([for action in flatten(output.operate[*].Action) : contains(["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], action) || strcontains(action, "*")])
    error_message = "Files may not be read or written, and no action may be a wildcard."
  }

  assert {
    condition     = alltrue([for s in output.operate : s.Condition.StringEquals["kms:ViaService"] != null if contains(s.Action, "kms:Decrypt")])
    error_message = "The key may be used through a service only."
  }
}
