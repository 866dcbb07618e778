output "arn" {
  description = "ARN of the queue, available once the bucket may send to it."
  value       = aws_sqs_queue.this.arn
  # S3 sends a test event when a notification is created, and refuses a queue that does not accept it.
  depends_on = [aws_sqs_queue_policy.this]
}

output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "name" {
  description = "Name of the queue."
  value       = aws_sqs_queue.this.name
}

output "dead_letter_arn" {
  description = "ARN of the dead-letter queue."
  value       = aws_sqs_queue.dead.arn
}

output "dead_letter_url" {
  description = "URL of the dead-letter queue."
  value       = aws_sqs_queue.dead.url
}

output "dead_letter_name" {
  description = "Name of the dead-letter queue."
  value       = aws_sqs_queue.dead.name
}

output "visibility_timeout_s" {
  description = "Seconds that a received message stays hidden: six times the function's timeout, plus the window."
  value       = local.visibility_timeout_s
}
