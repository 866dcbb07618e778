resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn = var.queue.arn
  function_name    = aws_lambda_alias.live.arn

  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.window_s
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  lifecycle {
    # The sentinel switches the mapping off while the destination is down; an apply must not switch it on.
    ignore_changes = [enabled]
  }
}
