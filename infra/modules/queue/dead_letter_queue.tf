resource "aws_sqs_queue" "dead" {
  name = "${var.name}-dlq"
  # The limit of SQS. A message that SQS moves keeps its age, so this must be longer than the queue's retention.
  message_retention_seconds  = 14 * local.day_s
  visibility_timeout_seconds = 60
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this.arn]
  })
}
