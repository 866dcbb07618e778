resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn = var.queue.arn
  function_name    = aws_lambda_alias.live.arn

  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.window_s
  function_response_types            = ["ReportBatchItemFailures"]

  dynamic "scaling_config" {
    for_each = var.provisioned_pollers == null ? [var.maximum_concurrency] : []
    content {
      maximum_concurrency = scaling_config.value
    }
  }

  # Replaces maximum_concurrency: each poller runs up to 10 batches at once.
  dynamic "provisioned_poller_config" {
    for_each = var.provisioned_pollers[*]
    content {
      minimum_pollers = provisioned_poller_config.value.minimum
      maximum_pollers = provisioned_poller_config.value.maximum
    }
  }

  lifecycle {
    # The sentinel disables the mapping while the destination is down; an apply must not enable it.
    ignore_changes = [enabled]
  }
}
