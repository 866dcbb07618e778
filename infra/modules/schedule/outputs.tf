output "expression" {
  description = "When the function runs."
  value       = aws_scheduler_schedule.this.schedule_expression
}

output "retries" {
  description = "Number of retries of an event, by Scheduler and by Lambda."
  value = {
    scheduler = one(one(aws_scheduler_schedule.this.target).retry_policy).maximum_retry_attempts
    lambda    = aws_lambda_function_event_invoke_config.this.maximum_retry_attempts
  }
}

output "event_age_s" {
  description = "Seconds after which an event that has not run is dropped."
  value       = aws_lambda_function_event_invoke_config.this.maximum_event_age_in_seconds
}
