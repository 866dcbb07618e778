mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  landing_bucket_name = "windrow-landing"
  zip_path            = "tests/fixtures/function.zip"
  uploaders           = { partner = { principal_arn = "arn:aws:iam::444455556666:role/uploader", prefix = "partner/" } }
  destination         = { endpoint = "https://minio.example.com", cidrs = ["10.20.0.5/32"], bucket = "archives" }
  on_premises         = { site_to_site_vpn = { gateway_address = "198.51.100.7" } }
  alarms              = { runbook_url = "https://example.com/runbook" }
  disposable          = true # what is protected can't be removed after the test either
}

# Related checks share one run, since each run plans the whole stack again.

run "files_are_kept_unless_the_stack_is_disposable" {
  command = plan

  variables {
    disposable = false
  }

  assert {
    condition     = length(terraform_data.files_are_kept) == 1
    error_message = "A plan that destroys must fail as a whole."
  }
}

run "the_stack_holds_together" {
  command = apply

  assert {
    condition     = length(terraform_data.files_are_kept) == 0
    error_message = "A disposable stack must have no guard."
  }

  assert {
    condition     = module.queue.visibility_timeout_s == 6 * module.aggregator.timeout_s + 60
    error_message = "The queue's visibility must follow the function's timeout."
  }

  assert {
    condition     = local.destination_port == 443
    error_message = "https:// means 443 unless a port is named."
  }

  assert {
    condition     = length(output.alarm_names) > 0
    error_message = "There must be alarms."
  }

  assert {
    condition     = output.environment.WINDROW_EVENT_SOURCE_MAPPING_ID == output.event_source_mapping_id
    error_message = "The command line must know the mapping."
  }

  assert {
    condition     = [for s in jsondecode(output.operator_policy).Statement : [s.Sid, s.Action] if jsonencode(s.Resource) == "\"*\""] == [["ReadWhatHasNoResource", ["cloudwatch:GetMetricData", "ec2:DescribeVpnConnections", "lambda:GetAccountSettings"]]]
    error_message = "Actions that support no resource must only read."
  }

  assert {
    condition     = alltrue([for s in jsondecode(output.operator_policy).Statement : !anytrue([for action in s.Action : strcontains(action, "*") || contains(["s3:GetObject", "s3:DeleteObject", "dynamodb:DeleteItem"], action)]) if s.Sid != "ReadInventories"])
    error_message = "An operator must not read landed files or delete data."
  }

  assert {
    condition     = length(output.operator_policy) <= 6144 - 64 * length(jsondecode(output.operator_policy).Statement) / 4
    error_message = "IAM allows 6,144 characters for a policy, and names may be longer than here."
  }

  assert {
    condition     = [for s in jsondecode(output.deployer_policy).Statement : s.Resource if contains(s.Action, "lambda:DeleteFunction")] == ["${module.aggregator.function_arn}:*"]
    error_message = "A deployment may delete versions, but not the function."
  }

  assert {
    condition     = [for s in jsondecode(output.deployer_policy).Statement : s.Condition.StringEquals["kms:ViaService"] if contains(s.Action, "kms:CreateGrant")] == ["lambda.${output.region}.amazonaws.com"]
    error_message = "A deployment may use the key through Lambda only."
  }

  assert {
    condition     = output.worker_role_arns == {}
    error_message = "Without servers there are no roles for them."
  }

  assert {
    condition     = local.rotation_zip_path == "tests/fixtures/function-rotation.zip"
    error_message = "`windrow package` writes the rotation's zip next to the other."
  }

  assert {
    condition     = length(module.retention) == 0 && output.archive_copies_bucket == null && !contains(keys(output.role_arns), "retention")
    error_message = "In mode raw there must be no sweep."
  }

  assert {
    condition     = !contains(keys(output.environment), "WINDROW_COPIES_BUCKET")
    error_message = "In mode raw nobody must copy."
  }
}

run "inputs_reach_their_modules" {
  command = apply

  variables {
    # a port of its own
    destination       = { endpoint = "https://minio.example.com:9000", cidrs = ["10.20.0.5/32"], bucket = "archives" }
    rotation_zip_path = "tests/fixtures/elsewhere.zip"
    aggregator = {
      timeout_s         = 300
      window_s          = 30
      max_archive_bytes = 62914560
      max_object_bytes  = 161061273600
      max_bytes_per_s   = 5000000
      fetch_concurrency = 4
      object_lock       = { mode = "governance", days = 30 }
    }
    # what is not announced is not audited either
    notification = { prefix = "partner/" }
  }

  assert {
    condition     = local.destination_port == 9000
    error_message = "Egress must go to the port of the endpoint."
  }

  assert {
    condition     = module.queue.visibility_timeout_s == 1830
    error_message = "6 x 300 + 30 is 1830."
  }

  assert {
    condition = { for name, value in output.environment : name => value if can(regex("MAX_|FETCH_|LOCK_", name)) } == {
      WINDROW_MAX_ARCHIVE_BYTES = "62914560"
      WINDROW_MAX_OBJECT_BYTES  = "161061273600"
      WINDROW_MAX_BYTES_PER_S   = "5000000"
      WINDROW_FETCH_CONCURRENCY = "4"
      WINDROW_OBJECT_LOCK_MODE  = "governance"
      WINDROW_OBJECT_LOCK_DAYS  = "30"
    }
    error_message = "What the runbook says to change must be what changes."
  }

  assert {
    condition     = local.rotation_zip_path == "tests/fixtures/elsewhere.zip"
    error_message = "A path that is given is taken."
  }

  assert {
    condition     = length(module.auditor) == 1
    error_message = "By inventories of a prefix it audits what is announced."
  }
}

run "mode_archives_sweeps_the_daily_audit_may_list_and_nothing_may_rotate" {
  command = apply

  variables {
    retention            = { mode = "archives", hot_days = 30 }
    queue_retention_days = 14
    ledger_ttl_days      = 43
    daily_audit          = { inventory = false }
    destination          = { endpoint = "https://s3.example.com", cidrs = ["10.20.0.5/32"], bucket = "archives", admin_api = false }
    # not built, and not looked for
    rotation_zip_path = "tests/fixtures/absent.zip"
  }

  assert {
    condition     = length(module.rotation) == 0 && !contains(keys(output.role_arns), "rotation")
    error_message = "Without an admin API there must be no function, and no role."
  }

  assert {
    condition     = length([for s in jsondecode(output.operator_policy).Statement : s if anytrue([for action in s.Action : contains(["secretsmanager:RotateSecret", "lambda:InvokeFunction"], action)])]) == 0
    error_message = "An operator needs no rights to what is not there."
  }

  assert {
    condition     = contains(flatten(jsondecode(output.operator_policy).Statement[*].Action), "secretsmanager:PutSecretValue")
    error_message = "Keys are handed over by hand."
  }

  assert {
    condition     = length([for name in output.alarm_names : name if strcontains(name, "rotation")]) == 0
    error_message = "Nothing may call for a rotation."
  }

  assert {
    condition     = output.environment.WINDROW_RETENTION_HOT_DAYS == "30" && output.environment.WINDROW_COPIES_BUCKET == output.archive_copies_bucket
    error_message = "The command line must know bucket and days."
  }

  assert {
    condition     = [for s in jsondecode(output.operator_policy).Statement : [s.Action, s.Resource] if s.Sid == "ListCopies"] == [[["s3:ListBucket"], local.archive_copies_arns[0]]]
    error_message = "An operator must be able to see the copies, and nothing more."
  }

  assert {
    condition     = !contains(keys(module.aggregator.environment), "WINDROW_COPIES_BUCKET")
    error_message = "The aggregator must know nothing of copies."
  }

  assert {
    condition     = contains(output.alarm_names, "windrow-retention-overdue")
    error_message = "A sweep that does not run must be noticed."
  }

  assert {
    condition     = local.retention_name == "windrow-retention"
    error_message = "The endpoint's policy names the role by this name."
  }

  assert {
    condition     = length(module.auditor) == 1 && output.inventories == null && length(local.listings_arns) == 0
    error_message = "Without inventories the audit lists."
  }
}

run "alarms_and_the_daily_audit_can_be_left_out" {
  command = apply

  variables {
    alarms      = null
    daily_audit = null
  }

  assert {
    condition     = length(output.alarm_names) == 0 && output.alarm_topic_arn == null
    error_message = "There must be none."
  }

  assert {
    condition     = length(module.auditor) == 0 && length(local.listings_arns) == 0 && !contains(keys(output.role_arns), "auditor")
    error_message = "Nothing may be left of it."
  }
}
