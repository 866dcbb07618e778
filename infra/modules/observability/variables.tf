variable "name" {
  description = "Prefix of the names of alarms, topic and dashboard."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.name))
    error_message = "name must be 1 to 40 lower-case letters, digits or '-', and start with a letter."
  }
}

variable "region" {
  description = "Region of the stack."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, for example eu-west-2."
  }
}

variable "account_id" {
  description = "Account of the stack."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts notifications; CloudWatch must be allowed to use it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>), not of an alias."
  }
}

variable "runbook_url" {
  description = "Address of the operations runbook; each alarm links its section, <runbook_url>#<alarm>."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https://[^#[:space:]]+$", var.runbook_url))
    error_message = "runbook_url must be an https:// address without an anchor, which each alarm adds."
  }
}

variable "emails" {
  description = "Mail addresses to notify; each must confirm a mail from AWS."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", email))])
    error_message = "emails must contain mail addresses."
  }
}

variable "queues" {
  description = "Names of the queue and its dead-letter queue."
  type        = object({ name = string, dead_letter_name = string })
  nullable    = false
}

variable "functions" {
  description = "Names of the functions; rotation, retention and auditor are null if there is no such function."
  type        = object({ aggregator = string, sentinel = string, rotation = optional(string), retention = optional(string), auditor = optional(string) })
  nullable    = false
}

variable "vpn_connections" {
  description = "Ids of the VPN connections, by their router: first, second."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.vpn_connections), ["first", "second"])) == 0
    error_message = "vpn_connections may contain first and second, for which the runbook has sections."
  }
}

variable "rotation_days" {
  description = "Days between rotations of the destination's credentials, for the alarm on a missing rotation; null if none is scheduled, where the alarm uses 30."
  type        = number
  default     = 30

  validation {
    condition     = var.rotation_days == null ? true : (var.rotation_days >= 1 && var.rotation_days <= 365)
    error_message = "rotation_days must be null, or from 1 to 365."
  }
}

variable "files_per_hour" {
  description = "Files that usually arrive in an hour; a backlog of more is over an hour of data."
  type        = number
  default     = 36000
  nullable    = false

  validation {
    condition     = var.files_per_hour >= 1
    error_message = "files_per_hour must be at least 1; 36000 is 10 files a second."
  }
}

variable "quiet_minutes" {
  description = "Minutes without a new file after which an alarm fires."
  type        = number
  default     = 15
  nullable    = false

  validation {
    condition     = var.quiet_minutes >= 5 && var.quiet_minutes <= 1440 && var.quiet_minutes % 5 == 0
    error_message = "quiet_minutes must be a multiple of 5 from 5 to 1440, the longest that an alarm looks back."
  }
}
