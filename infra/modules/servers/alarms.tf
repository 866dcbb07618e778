# Those of the runbook's alarms that need no worker: if all workers are down, Prometheus gets no metrics, but SQS has
# some.
locals {
  alarms = var.alarms == null ? {} : {
    queue-depth = {
      says      = "More than one hour of files waits in the queue."
      metric    = "ApproximateNumberOfMessagesVisible"
      queue     = module.queue.name
      threshold = var.alarms.files_per_hour
      periods   = 5
    }
    oldest-message = {
      says      = "The oldest file has waited for over one hour."
      metric    = "ApproximateAgeOfOldestMessage"
      queue     = module.queue.name
      threshold = 3600
      periods   = 1
    }
    dlq-not-empty = {
      says      = "Files were rejected and are in the dead-letter queue."
      metric    = "ApproximateNumberOfMessagesVisible"
      queue     = module.queue.dead_letter_name
      threshold = 0
      periods   = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.says} ${var.alarms.runbook_url}#${each.key}"
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = each.value.queue }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.topic_arns
  ok_actions          = var.alarms.topic_arns
}
