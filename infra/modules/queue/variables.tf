variable "name" {
  description = "Name of the queue; the dead-letter queue is <name>-dlq."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,76}$", var.name))
    error_message = "name must be 1 to 76 letters, digits, '_' or '-' (SQS allows 80, and '-dlq' is added)."
  }
}

variable "account_id" {
  description = "Account of the landing bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "landing_bucket_arn" {
  description = "The one bucket that may send to the queue, unless a topic or a rule does."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}$", var.landing_bucket_arn))
    error_message = "landing_bucket_arn must be the ARN of one bucket, arn:aws:s3:::<name>."
  }
}

variable "topic_arn" {
  description = "The SNS topic that may send to the queue instead of the bucket; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.topic_arn == null ? true : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[^*]+$", var.topic_arn))
    error_message = "topic_arn must be the ARN of one topic, without '*'."
  }
}

variable "rule_arn" {
  description = "The EventBridge rule that may send to the queue instead of the bucket; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.rule_arn == null ? true : can(regex("^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:rule/[^*]+$", var.rule_arn))
    error_message = "rule_arn must be the ARN of one rule, without '*'."
  }

  validation {
    condition     = var.rule_arn == null || var.topic_arn == null
    error_message = "Set topic_arn or rule_arn, not both: events must come from one source."
  }
}

variable "function_timeout_s" {
  description = "Timeout of the function that reads the queue, in seconds."
  type        = number
  nullable    = false

  validation {
    condition     = var.function_timeout_s >= 1 && var.function_timeout_s <= 900
    error_message = "function_timeout_s must be from 1 to 900, the limit of Lambda."
  }
}

variable "window_s" {
  description = "Batching window of the event source mapping, in seconds."
  type        = number
  nullable    = false

  validation {
    condition     = var.window_s >= 0 && var.window_s <= 300
    error_message = "window_s must be from 0 to 300, the limit of an event source mapping."
  }
}

variable "retention_days" {
  description = "Days that a message can wait for the destination; longer outages need `windrow replay --missing`."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.retention_days >= 5 && var.retention_days <= 14
    error_message = "retention_days must be from 5 (an outage of 4 days, and the time to drain the backlog) to 14 (the limit of SQS)."
  }
}

variable "max_receives" {
  description = "Receives after which SQS itself moves a message to the dead-letter queue. High, because Windrow itself rejects at once what can't succeed, and retries the rest."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.max_receives >= 10 && var.max_receives <= 1000
    error_message = "max_receives must be from 10 (fewer would dead-letter good files in a short outage) to 1000 (the limit of SQS)."
  }
}

variable "plaintext_loopback_cidrs" {
  description = "Loopback addresses that may use plain HTTP, for an emulator on this machine. Requests to AWS never come from one."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.plaintext_loopback_cidrs : can(regex("^127\\.[0-9]+\\.[0-9]+\\.[0-9]+/(8|16|24|32)$", cidr))])
    error_message = "plaintext_loopback_cidrs must contain loopback addresses only (inside 127.0.0.0/8)."
  }
}
