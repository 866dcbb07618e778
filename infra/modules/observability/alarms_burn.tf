# Burn rates of the latency objectives: at 1, the error budget is used up exactly. Both a long and a short window must
# exceed the rate, so that an alarm neither starts at a short spike nor stays on after the end.
# https://sre.google/workbook/alerting-on-slos/#6-multiwindow-multi-burn-rate-alerts
locals {
  objectives = {
    two-minutes   = { minutes = 2, allowed_percent = 5 }
    three-minutes = { minutes = 3, allowed_percent = 0.1 }
  }

  burns = {
    fast = { rate = 14.4, long_s = 3600, short_s = 300 }
    slow = { rate = 6, long_s = 21600, short_s = 1800 }
  }

  burn_windows = merge(flatten([for objective, limit in local.objectives : [
    for speed, burn in local.burns : [
      for length, period_s in { long = burn.long_s, short = burn.short_s } : {
        "latency-${objective}-${speed}-${length}" = {
          minutes   = limit.minutes
          threshold = burn.rate * limit.allowed_percent
          period_s  = period_s
          speed     = speed
        }
      }
    ]
  ]])...)
}

# The single windows of the two alarms below; they notify nobody.
resource "aws_cloudwatch_metric_alarm" "burn_window" {
  for_each = local.burn_windows

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "Over ${each.value.threshold} % of the files took more than ${each.value.minutes} minutes, in a window of ${each.value.period_s / 60} minutes. ${var.runbook_url}#latency-burn-${each.value.speed}"

  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  # Counts instead of a percentile rank of ProcessingLatencyMs, since a batch publishes at most 100 values of it: one
  # late file of 1,200 would be 1 % of them.
  metric_query {
    id          = "share"
    expression  = "IF(files > 0, 100 * late / files, 0)"
    label       = "Files over the limit, in percent"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { files = "FilesProcessed", late = "FilesOver${each.value.minutes}Minutes" }
    content {
      id = metric_query.key

      metric {
        namespace   = local.namespace
        metric_name = metric_query.value
        dimensions  = local.dimensions
        stat        = "Sum"
        period      = each.value.period_s
      }
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "burn" {
  for_each = local.burns

  alarm_name        = "${var.name}-latency-burn-${each.key}"
  alarm_description = "Files take so long that the error budget of the latency objective is used up ${each.value.rate} times too fast. ${var.runbook_url}#latency-burn-${each.key}"

  alarm_rule = join(" OR ", [for objective in keys(local.objectives) : format(
    "(ALARM(\"%s\") AND ALARM(\"%s\"))",
    aws_cloudwatch_metric_alarm.burn_window["latency-${objective}-${each.key}-long"].alarm_name,
    aws_cloudwatch_metric_alarm.burn_window["latency-${objective}-${each.key}-short"].alarm_name,
  )])

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
}
