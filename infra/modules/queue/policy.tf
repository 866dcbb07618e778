locals {
  plaintext = merge(
    { Bool = { "aws:SecureTransport" = "false" } },
    length(var.plaintext_loopback_cidrs) == 0 ? {} : { NotIpAddress = { "aws:SourceIp" = sort(tolist(var.plaintext_loopback_cidrs)) } },
  )

  # The one source of events: nobody else can send.
  senders = {
    bucket = {
      Sid       = "EventsOfTheLandingBucket"
      Principal = { Service = "s3.amazonaws.com" }
      Condition = {
        ArnEquals    = { "aws:SourceArn" = var.landing_bucket_arn }
        StringEquals = { "aws:SourceAccount" = var.account_id }
      }
    }
    topic = {
      Sid       = "EventsByTheTopic"
      Principal = { Service = "sns.amazonaws.com" }
      Condition = { ArnEquals = { "aws:SourceArn" = var.topic_arn } }
    }
    rule = {
      Sid       = "EventsByTheRule"
      Principal = { Service = "events.amazonaws.com" }
      Condition = { ArnEquals = { "aws:SourceArn" = var.rule_arn } }
    }
  }
  sender = var.topic_arn != null ? "topic" : var.rule_arn != null ? "rule" : "bucket"

  used_actions = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:PurgeQueue",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
  ]
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = local.senders[local.sender].Sid
        Effect    = "Allow"
        Principal = local.senders[local.sender].Principal
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.this.arn
        Condition = local.senders[local.sender].Condition
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*" # a refusal of everyone is what is meant
        Action    = local.used_actions
        Resource  = aws_sqs_queue.this.arn
        Condition = local.plaintext
      },
    ]
  })
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*" # a refusal of everyone is what is meant
      Action    = local.used_actions
      Resource  = aws_sqs_queue.dead.arn
      Condition = local.plaintext
    }]
  })
}
