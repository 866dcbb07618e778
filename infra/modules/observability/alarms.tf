locals {
  alarms = merge(local.queue_alarms, local.function_alarms, local.delivery_alarms, local.fault_alarms, local.retention_alarms, local.audit_alarms, local.vpn_alarms)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.says} ${var.runbook_url}#${each.key}"

  # One metric, or the sum of several, which needs an expression in CloudWatch.
  namespace           = can(each.value.summed) ? null : each.value.namespace
  metric_name         = can(each.value.summed) ? null : each.value.metric
  dimensions          = can(each.value.summed) ? null : each.value.dimensions
  statistic           = can(each.value.summed) ? null : each.value.statistic
  period              = can(each.value.summed) ? null : each.value.period_s
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = each.value.missing

  dynamic "metric_query" {
    for_each = can(each.value.summed) ? [each.value.summed] : []
    content {
      id = "sum"
      # A metric without data in a minute counts as 0: otherwise the sum would have no data either.
      expression  = join(" + ", [for index in range(length(metric_query.value)) : "FILL(m${index}, 0)"])
      label       = join(" + ", metric_query.value)
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = try(each.value.summed, [])
    content {
      id = "m${metric_query.key}"

      metric {
        namespace   = each.value.namespace
        metric_name = metric_query.value
        dimensions  = each.value.dimensions
        stat        = each.value.statistic
        period      = each.value.period_s
      }
    }
  }

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
}
