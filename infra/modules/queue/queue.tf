locals {
  day_s = 86400

  # AWS recommends six times the function's timeout plus the window, so that a throttled batch stays hidden while it is
  # retried: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  visibility_timeout_s = 6 * var.function_timeout_s + var.window_s
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  message_retention_seconds  = var.retention_days * local.day_s
  visibility_timeout_seconds = local.visibility_timeout_s
  receive_wait_time_seconds  = 20
  # SQS's own key: a message contains names of objects, not their contents, and S3 needs no permission on a key to send.
  sqs_managed_sse_enabled = true
}

resource "aws_sqs_queue_redrive_policy" "this" {
  queue_url = aws_sqs_queue.this.url
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.max_receives
  })
}
