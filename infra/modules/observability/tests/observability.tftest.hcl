mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "windrow"
  region      = "eu-west-2"
  account_id  = "111122223333"
  kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
  runbook_url = "https://example.com/runbook"
  queues      = { name = "q", dead_letter_name = "q-dlq" }
  functions   = { aggregator = "a", sentinel = "s", rotation = "r" }
}

run "defaults" {
  command = apply

  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.this : strcontains(alarm.alarm_description, "https://example.com/runbook#${name}")])
    error_message = "Each alarm must link its own section."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([aws_sns_topic.alarms.arn])])
    error_message = "Each alarm must tell the topic."
  }

  assert {
    condition     = alltrue([for speed, alarm in aws_cloudwatch_composite_alarm.burn : strcontains(alarm.alarm_description, "#latency-burn-${speed}")])
    error_message = "The burn alarms must link their sections."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_composite_alarm.burn : alarm.alarm_actions == toset([aws_sns_topic.alarms.arn])])
    error_message = "The burn alarms must notify the topic."
  }

  assert {
    condition     = length(setsubtract(["queue-depth", "oldest-message", "oldest-retried", "dlq-not-empty", "no-data-arriving", "aggregator-errors", "aggregator-throttles", "sentinel-errors", "rotation-failed", "destination-down", "destination-connect", "destination-tls", "destination-credentials", "checksum-mismatch", "failed-batches", "latency-burn-fast", "latency-burn-slow"], output.runbook_anchors)) == 0
    error_message = "An alarm of the requirements is missing."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["queue-depth"].threshold == 36000
    error_message = "A backlog of over an hour at 10 files/s must alarm."
  }

  assert {
    condition     = toset(flatten([for query in aws_cloudwatch_metric_alarm.this["queue-depth"].metric_query : query.metric[*].metric_name])) == toset(["ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"])
    error_message = "Messages returned for a later retry are backlog too."
  }

  assert {
    condition     = [for query in aws_cloudwatch_metric_alarm.this["queue-depth"].metric_query : query.expression if query.return_data == true] == ["FILL(m0, 0) + FILL(m1, 0) + FILL(m2, 0)"] && aws_cloudwatch_metric_alarm.this["queue-depth"].metric_name == null
    error_message = "The alarm must watch the sum."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["oldest-retried"].threshold == 3600000 && aws_cloudwatch_metric_alarm.this["oldest-retried"].metric_name == "OldestRetriedMs" && aws_cloudwatch_metric_alarm.this["oldest-retried"].period > 900
    error_message = "A single file that fails for over an hour must alarm, and keep alarming while it waits for its next retry."
  }

  assert {
    condition     = toset(flatten([for query in aws_cloudwatch_metric_alarm.this["rotation-failed"].metric_query : query.metric[*].metric_name])) == toset(["Errors", "Throttles"])
    error_message = "A rotation that is throttled fails too."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["rotation-overdue"].metric_name == "CredentialsAgeHours" && aws_cloudwatch_metric_alarm.this["rotation-overdue"].threshold == 24 * 32
    error_message = "Credentials that are two days overdue for rotation must alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["rotation-overdue"].treat_missing_data == "ignore"
    error_message = "A new stack, whose secret has no value, must not alarm, and one that can't be read must not clear it."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["oldest-message"].threshold == 3600
    error_message = "A message older than an hour must alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["dlq-not-empty"].threshold == 0 && aws_cloudwatch_metric_alarm.this["dlq-not-empty"].dimensions == tomap({ QueueName = "q-dlq" })
    error_message = "One dead letter must alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["destination-down"].treat_missing_data == "breaching"
    error_message = "A sentinel that does not run must alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-data-arriving"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["no-data-arriving"].evaluation_periods == 3
    error_message = "15 quiet minutes must alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["destination-tls"].metric_name == "DestinationFaultTls" && aws_cloudwatch_metric_alarm.this["destination-tls"].namespace == "Windrow" && aws_cloudwatch_metric_alarm.this["destination-tls"].dimensions == tomap({ service = "windrow", stack = var.name })
    error_message = "Faults must be told apart by the metrics that the sentinel publishes."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.burn_window["latency-two-minutes-fast-long"].threshold == 72
    error_message = "14.4 times 5 % is 72 %."
  }

  assert {
    condition     = toset(flatten([for query in aws_cloudwatch_metric_alarm.burn_window["latency-two-minutes-fast-long"].metric_query : [for metric in query.metric : "${query.id} ${metric.metric_name} ${metric.stat} ${metric.period}"]])) == toset(["files FilesProcessed Sum 3600", "late FilesOver2Minutes Sum 3600"])
    error_message = "The files over two minutes, of all files."
  }

  assert {
    condition     = [for query in aws_cloudwatch_metric_alarm.burn_window["latency-three-minutes-slow-short"].metric_query : query.expression if query.return_data == true] == ["IF(files > 0, 100 * late / files, 0)"]
    error_message = "Their share in percent must be what is watched, and nothing be divided by zero."
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    error_message = "Notifications must be encrypted with the given key."
  }

  assert {
    condition     = [for s in jsondecode(aws_sns_topic_policy.alarms.policy).Statement : s.Principal if s.Effect == "Allow"] == [{ Service = "cloudwatch.amazonaws.com" }]
    error_message = "Only CloudWatch may publish."
  }
}

run "without_a_sweep_there_are_no_alarms_for_it" {
  command = apply

  assert {
    condition     = length(setintersection(output.runbook_anchors, ["retention-errors", "retention-overdue", "archive-copy-failed", "raw-files-not-expired"])) == 0
    error_message = "An alarm for what does not exist would stay on."
  }
}

run "the_sweep_is_watched" {
  command = apply

  variables {
    functions = { aggregator = "a", sentinel = "s", rotation = "r", retention = "sweep" }
  }

  assert {
    condition     = length(setsubtract(["retention-errors", "retention-overdue", "archive-copy-failed", "raw-files-not-expired"], output.runbook_anchors)) == 0
    error_message = "Errors, a missing sweep, failed copies and failed deletions must alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["retention-overdue"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["retention-overdue"].period == 86400
    error_message = "A day without a sweep that got through must alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["retention-errors"].dimensions == tomap({ FunctionName = "sweep" })
    error_message = "The function that sweeps must be watched."
  }

  assert {
    condition     = alltrue([for metric in ["ArchivesCopied", "RawFilesExpired", "sweep Errors"] : strcontains(aws_cloudwatch_dashboard.this.dashboard_body, metric)])
    error_message = "The dashboard must show the sweep."
  }
}

run "without_an_audit_there_are_no_alarms_for_it" {
  command = apply

  assert {
    condition     = length([for anchor in output.runbook_anchors : anchor if startswith(anchor, "audit-") || startswith(anchor, "share-") || contains(["files-missing", "files-duplicated"], anchor)]) == 0
    error_message = "An alarm for what does not exist would stay on."
  }
}

run "what_the_audit_says_stands_until_it_says_more" {
  command = apply

  variables {
    functions = { aggregator = "a", sentinel = "s", rotation = "r", auditor = "auditor" }
  }

  assert {
    condition = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => [alarm.metric_name, alarm.comparison_operator, alarm.threshold, alarm.treat_missing_data] if contains(keys(local.audit_metrics), name) } == {
      files-missing          = ["FilesMissing", "GreaterThanThreshold", 0, "ignore"]
      files-duplicated       = ["FilesDuplicated", "GreaterThanThreshold", 0, "ignore"]
      share-within-2-minutes = ["ShareWithin2Minutes", "LessThanThreshold", 95, "ignore"]
      share-within-3-minutes = ["ShareWithin3Minutes", "LessThanThreshold", 99.9, "ignore"]
    }
    error_message = "Each must be on from a statement that is bad to one that is not."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["audit-overdue"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["audit-overdue"].statistic == "SampleCount" && aws_cloudwatch_metric_alarm.this["audit-overdue"].period * aws_cloudwatch_metric_alarm.this["audit-overdue"].evaluation_periods == 172800
    error_message = "Two days without a statement must alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["audit-errors"].dimensions == tomap({ FunctionName = "auditor" }) && aws_cloudwatch_metric_alarm.this["audit-errors"].threshold == 1
    error_message = "An audit that failed at its second try must alarm."
  }
}

run "the_dashboard_shows_alarms_and_charts" {
  command = apply

  variables {
    emails = ["a@example.com"]
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 13
    error_message = "Alarms and twelve charts."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 1
    error_message = "Each address must be subscribed."
  }
}

run "connections_and_schedules_are_watched" {
  command = plan

  variables {
    rotation_days   = 90
    vpn_connections = { first = "vpn-1", second = "vpn-2" }
  }

  assert {
    condition     = { for name in ["vpn-tunnel-down", "vpn-tunnel-down-second"] : name => [aws_cloudwatch_metric_alarm.this[name].dimensions.VpnId, aws_cloudwatch_metric_alarm.this[name].threshold, aws_cloudwatch_metric_alarm.this[name].comparison_operator] } == { "vpn-tunnel-down" = ["vpn-1", 1, "LessThanThreshold"], "vpn-tunnel-down-second" = ["vpn-2", 1, "LessThanThreshold"] }
    error_message = "A tunnel that is down must alarm, although the other one carries the traffic."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["rotation-overdue"].threshold == 24 * 92
    error_message = "The alarm must follow the schedule."
  }
}

run "without_a_schedule_credentials_get_old_too" {
  command = plan

  variables {
    rotation_days = null
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["rotation-overdue"].threshold == 24 * 32
    error_message = "That rotation was never switched on must be told."
  }
}
