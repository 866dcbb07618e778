locals {
  plaintext = merge(
    { Bool = { "aws:SecureTransport" = "false" } },
    length(var.plaintext_loopback_cidrs) == 0 ? {} : { NotIpAddress = { "aws:SourceIp" = sort(tolist(var.plaintext_loopback_cidrs)) } },
  )

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
        Sid       = "EventsOfTheLandingBucket"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.this.arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = var.landing_bucket_arn }
          StringEquals = { "aws:SourceAccount" = var.account_id }
        }
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
