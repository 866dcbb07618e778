locals {
  queue_alarms = {
    queue-depth = {
      says      = "More than one hour of files waits in the queue."
      namespace = "AWS/SQS"
      # Messages returned for a later retry are hidden, not visible, but they wait too.
      summed = [
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
      ]
      dimensions = { QueueName = var.queues.name }
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = var.files_per_hour
      period_s   = 60
      periods    = 5
      missing    = "notBreaching"
    }
    # SQS ignores messages that were received three times or more; oldest-retried covers them.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    oldest-message = {
      says       = "The oldest file has waited for over one hour."
      namespace  = "AWS/SQS"
      metric     = "ApproximateAgeOfOldestMessage"
      dimensions = { QueueName = var.queues.name }
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 3600
      period_s   = 60
      periods    = 1
      missing    = "notBreaching"
    }
    dlq-not-empty = {
      says       = "Files were rejected and are in the dead-letter queue."
      namespace  = "AWS/SQS"
      metric     = "ApproximateNumberOfMessagesVisible"
      dimensions = { QueueName = var.queues.dead_letter_name }
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 60
      periods    = 1
      missing    = "notBreaching"
    }
    no-data-arriving = {
      says       = "No file has arrived for ${var.quiet_minutes} minutes."
      namespace  = "AWS/SQS"
      metric     = "NumberOfMessagesSent"
      dimensions = { QueueName = var.queues.name }
      statistic  = "Sum"
      comparison = "LessThanThreshold"
      threshold  = 1
      period_s   = 300
      periods    = floor(var.quiet_minutes / 5)
      missing    = "breaching"
    }
  }
}
