output "topic_arn" {
  description = "Topic that alarms are published to."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard_name" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "alarm_names" {
  description = "Names of the alarms that notify people; `windrow deploy` watches them."
  value = sort(concat(
    values(aws_cloudwatch_metric_alarm.this)[*].alarm_name,
    values(aws_cloudwatch_composite_alarm.burn)[*].alarm_name,
  ))
}

output "runbook_anchors" {
  description = "Sections that the runbook must have, one for each alarm."
  value       = sort(concat(keys(aws_cloudwatch_metric_alarm.this), [for speed in keys(local.burns) : "latency-burn-${speed}"]))
}
