# The bucket's only notification: S3 keeps one configuration for each bucket, and a second resource would replace this
# one. If others need the events too, use a topic or EventBridge.
locals {
  # "*": created by a put, a post, a copy or a multipart upload.
  created = ["s3:ObjectCreated:*"]
  filter  = { for end in ["prefix", "suffix"] : end => var.notification[end] == "" ? null : var.notification[end] }
}

resource "aws_s3_bucket_notification" "this" {
  bucket      = module.bucket.id
  eventbridge = var.notification.through == "eventbridge"

  dynamic "queue" {
    for_each = var.notification.through == "queue" ? [var.queue_arn] : []
    content {
      id            = "new-objects"
      queue_arn     = queue.value
      events        = local.created
      filter_prefix = local.filter.prefix
      filter_suffix = local.filter.suffix
    }
  }

  dynamic "topic" {
    for_each = var.notification.through == "topic" ? [var.notification.topic_arn] : []
    content {
      id            = "new-objects"
      topic_arn     = topic.value
      events        = local.created
      filter_prefix = local.filter.prefix
      filter_suffix = local.filter.suffix
    }
  }

  lifecycle {
    precondition {
      condition     = alltrue([for uploader in values(var.uploaders) : startswith(uploader.prefix, var.notification.prefix) || startswith(var.notification.prefix, uploader.prefix)])
      error_message = "notification.prefix excludes all keys of an uploader: none of its files would be delivered."
    }
  }
}

resource "aws_sns_topic_subscription" "queue" {
  for_each = var.notification.through == "topic" ? { this = var.notification.topic_arn } : {}

  topic_arn            = each.value
  protocol             = "sqs"
  endpoint             = var.queue_arn
  raw_message_delivery = true
  # Since other buckets may publish to the same topic.
  filter_policy_scope = "MessageBody"
  filter_policy       = jsonencode({ Records = { s3 = { bucket = { name = [var.bucket_name] } } } })
}

resource "aws_cloudwatch_event_rule" "new_objects" {
  for_each = var.notification.through == "eventbridge" ? { this = var.notification } : {}

  name        = "${var.bucket_name}-new"
  description = "New objects of ${var.bucket_name}."
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = merge(
      { bucket = { name = [var.bucket_name] } },
      # "*": any key with this prefix and suffix.
      "${each.value.prefix}${each.value.suffix}" == "" ? {} : { object = { key = [{ wildcard = "${each.value.prefix}*${each.value.suffix}" }] } },
    )
  })
}

# The unchanged event: the parser expects S3's own format.
resource "aws_cloudwatch_event_target" "queue" {
  for_each = aws_cloudwatch_event_rule.new_objects

  rule = each.value.name
  arn  = var.queue_arn
}
