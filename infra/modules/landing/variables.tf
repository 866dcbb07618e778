variable "bucket_name" {
  description = "Name of the landing bucket, unique in all of AWS."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,52}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name must be 3 to 54 lower-case letters, digits or '-' (S3 allows 63, and '-archives' may be added)."
  }
}

variable "account_id" {
  description = "Account that owns the bucket and its key."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "region" {
  description = "Region of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, for example eu-west-2."
  }
}

variable "queue_arn" {
  description = "Queue that gets an event of every new object. Its policy must let this bucket send."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:", var.queue_arn))
    error_message = "queue_arn must be the ARN of an SQS queue."
  }
}

variable "uploaders" {
  description = "Who may upload. For each uploader: a role or user, usually of another account; the prefix under which it may put objects (ending in '/'); the public addresses that it must come from (default: any); and whether it uploads through an access point of its own, which takes no space in the bucket's policy."
  type = map(object({
    principal_arn = string
    prefix        = string
    source_cidrs  = optional(list(string), [])
    access_point  = optional(bool, false)
  }))
  nullable = false

  validation {
    condition     = alltrue([for uploader in values(var.uploaders) : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[^*]+$", uploader.principal_arn))])
    error_message = "principal_arn must be the ARN of a single role or user, without '*': with an account's root everyone in it could upload."
  }

  validation {
    condition     = alltrue([for uploader in values(var.uploaders) : can(regex("^([A-Za-z0-9!_.'()-]+/)+$", uploader.prefix))])
    error_message = "prefix must end in '/', must not start with one, and must not contain wildcards, for example partner-a/."
  }

  validation {
    condition     = alltrue(flatten([for uploader in values(var.uploaders) : [for cidr in uploader.source_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")]]))
    error_message = "source_cidrs must contain address ranges such as 203.0.113.0/24; omit the list to accept any address."
  }

  validation {
    condition = alltrue(flatten([for name, uploader in var.uploaders : [
      for other_name, other in var.uploaders : name == other_name || !startswith(other.prefix, uploader.prefix)
    ]]))
    error_message = "The prefixes must not overlap: one uploader could replace the files of another."
  }

  validation {
    condition     = length(distinct([for uploader in values(var.uploaders) : uploader.principal_arn])) == length(var.uploaders)
    error_message = "Each uploader needs a principal_arn of its own: a principal with two prefixes would be refused under both."
  }
}

variable "notification" {
  description = "How the queue gets events of new objects: from S3 itself (through = queue), from an existing SNS topic that lets the bucket publish (through = topic, topic_arn), or from EventBridge (through = eventbridge). prefix and suffix restrict them to keys that begin and end so; other objects stay in the bucket and are not delivered."
  type = object({
    through   = optional(string, "queue")
    topic_arn = optional(string)
    prefix    = optional(string, "")
    suffix    = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["queue", "topic", "eventbridge"], var.notification.through)
    error_message = "notification.through must be queue, topic or eventbridge."
  }

  validation {
    condition     = var.notification.through == "topic" ? can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[^*]+$", var.notification.topic_arn)) : var.notification.topic_arn == null
    error_message = "notification.topic_arn must be the ARN of an SNS topic with through = \"topic\", and must be omitted otherwise."
  }

  validation {
    condition     = alltrue([for text in [var.notification.prefix, var.notification.suffix] : can(regex("^[A-Za-z0-9!_.'()/-]*$", text))])
    error_message = "notification.prefix and suffix must contain letters, digits and !_.'()/- only: S3 encodes other characters, and wildcards have a different meaning for each value of through."
  }
}

variable "retention" {
  description = "How long files are kept. mode raw: every file moves to Deep Archive after hot_days. mode archives: copies of the archives are kept in Deep Archive, in a separate bucket, and each version of a file is deleted once it is delivered, its archive is copied, and it is hot_days old; undelivered files are kept. In mode raw, replaced or deleted versions stay readable for old_version_days; in mode archives this applies to copies. Objects in Deep Archive are kept for ever, unless expire_after_days is set. smallest_moved is S3's rule of which objects move: varies_by_storage_class moves all of them, all_storage_classes_128K excludes those under 128 KB (the only rule that MiniStack supports)."
  type = object({
    mode             = optional(string, "raw")
    hot_days         = optional(number, 7)
    old_version_days = optional(number, 7)
    smallest_moved   = optional(string, "varies_by_storage_class")

    expire_after_days = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["raw", "archives"], var.retention.mode)
    error_message = "retention.mode must be raw (keep every file) or archives (keep a copy of each archive)."
  }

  validation {
    condition     = var.retention.hot_days >= 7 && var.retention.hot_days <= 365
    error_message = "retention.hot_days must be from 7 (audit and replay need files for that long) to 365."
  }

  validation {
    condition     = var.retention.old_version_days >= 1 && var.retention.old_version_days <= 365
    error_message = "retention.old_version_days must be from 1 to 365."
  }

  validation {
    condition     = var.retention.expire_after_days == null ? true : var.retention.expire_after_days >= var.retention.hot_days + 180
    error_message = "retention.expire_after_days must be null (nothing expires), or at least 180 days more than hot_days: AWS bills 180 days of Deep Archive anyway."
  }

  validation {
    condition     = contains(["varies_by_storage_class", "all_storage_classes_128K"], var.retention.smallest_moved)
    error_message = "retention.smallest_moved must be varies_by_storage_class or all_storage_classes_128K."
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

variable "force_destroy" {
  description = "Delete the objects with the bucket, and the key after 7 days instead of 30. Only for short-lived stacks."
  type        = bool
  default     = false
  nullable    = false
}
