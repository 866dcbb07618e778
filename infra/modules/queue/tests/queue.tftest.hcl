mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name               = "windrow-uploads"
  account_id         = "111122223333"
  landing_bucket_arn = "arn:aws:s3:::landing"
  function_timeout_s = 120
  window_s           = 60
}

run "defaults" {
  command = apply

  assert {
    condition     = aws_sqs_queue.this.visibility_timeout_seconds == 780
    error_message = "Visibility must be six times the timeout, plus the window."
  }

  assert {
    condition     = aws_sqs_queue.this.message_retention_seconds == 5 * 86400
    error_message = "Messages must be kept for 5 days: an outage of 4, and the drain."
  }

  assert {
    condition     = aws_sqs_queue.dead.message_retention_seconds == 14 * 86400
    error_message = "Dead letters must be kept for 14 days."
  }

  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.dead.sqs_managed_sse_enabled
    error_message = "Both queues must be encrypted."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_policy.this.redrive_policy).maxReceiveCount == 100
    error_message = "SQS itself must dead-letter after 100 receives only."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.this.arn] }
    error_message = "Only this queue may use the dead-letter queue."
  }

  assert {
    condition     = [for s in jsondecode(aws_sqs_queue_policy.this.policy).Statement : s.Sid if s.Effect == "Allow"] == ["EventsOfTheLandingBucket"]
    error_message = "Nobody but S3 may be allowed by the policy."
  }

  assert {
    condition     = one([for s in jsondecode(aws_sqs_queue_policy.this.policy).Statement : s if s.Sid == "EventsOfTheLandingBucket"]).Condition == { ArnEquals = { "aws:SourceArn" = "arn:aws:s3:::landing" }, StringEquals = { "aws:SourceAccount" = "111122223333" } }
    error_message = "Only this bucket of this account may send."
  }

  assert {
    condition     = one([for s in jsondecode(aws_sqs_queue_policy.this.policy).Statement : s if s.Sid == "EventsOfTheLandingBucket"]).Action == "sqs:SendMessage"
    error_message = "The bucket may send only."
  }

  assert {
    condition     = alltrue([for policy in [aws_sqs_queue_policy.this.policy, aws_sqs_queue_policy.dead.policy] : one([for s in jsondecode(policy).Statement : s if s.Sid == "TlsOnly"]).Condition == { Bool = { "aws:SecureTransport" = "false" } }])
    error_message = "Both queues must refuse plain HTTP, without exception."
  }
}

run "visibility_follows_timeout_and_window" {
  command = apply

  variables {
    function_timeout_s = 900
    window_s           = 300
  }

  assert {
    condition     = output.visibility_timeout_s == 5700
    error_message = "6 x 900 + 300 is 5700."
  }
}

run "retention_can_be_14_days" {
  command = apply

  variables {
    retention_days = 14
  }

  assert {
    condition     = aws_sqs_queue.this.message_retention_seconds == 14 * 86400
    error_message = "Retention must follow the input."
  }
}

run "a_topic_sends_in_the_buckets_place" {
  command = apply

  variables {
    topic_arn = "arn:aws:sns:eu-west-2:111122223333:new-objects"
  }

  assert {
    condition     = [for s in jsondecode(aws_sqs_queue_policy.this.policy).Statement : [s.Principal, s.Condition] if s.Effect == "Allow"] == [[{ Service = "sns.amazonaws.com" }, { ArnEquals = { "aws:SourceArn" = "arn:aws:sns:eu-west-2:111122223333:new-objects" } }]]
    error_message = "Only this topic may send."
  }
}

run "a_rule_sends_in_the_buckets_place" {
  command = apply

  variables {
    rule_arn = "arn:aws:events:eu-west-2:111122223333:rule/new-objects"
  }

  assert {
    condition     = [for s in jsondecode(aws_sqs_queue_policy.this.policy).Statement : [s.Principal, s.Condition] if s.Effect == "Allow"] == [[{ Service = "events.amazonaws.com" }, { ArnEquals = { "aws:SourceArn" = "arn:aws:events:eu-west-2:111122223333:rule/new-objects" } }]]
    error_message = "Only this rule may send."
  }
}
