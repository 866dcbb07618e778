variable "name" {
  description = "Prefix of the names of all resources. Two stacks in one account need different names, even in different regions, since IAM roles are global."
  type        = string
  default     = "windrow"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,31}$", var.name))
    error_message = "name must be 1 to 32 lower-case letters, digits or '-', and start with a letter."
  }
}

variable "landing_bucket_name" {
  description = "Name of the landing bucket, unique in all of AWS."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,52}[a-z0-9]$", var.landing_bucket_name))
    error_message = "landing_bucket_name must be 3 to 54 lower-case letters, digits or '-' (S3 allows 63, and '-archives' may be added)."
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
}

variable "retention" {
  description = "How long files are kept: every file moves to Deep Archive after hot_days, and replaced or deleted versions stay readable for old_version_days. S3 deletes files after expire_after_days, or never if it is omitted. smallest_moved is S3's rule on small objects, for an emulator. Keeping copies of archives instead of raw files needs the root module."
  type = object({
    hot_days          = optional(number, 7)
    old_version_days  = optional(number, 7)
    expire_after_days = optional(number)
    smallest_moved    = optional(string, "varies_by_storage_class")
  })
  default  = {}
  nullable = false
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
}

variable "queue_retention_days" {
  description = "Days that a file can wait in the queue for the destination; longer outages need `windrow replay --missing`."
  type        = number
  default     = 5
  nullable    = false
}

variable "batch" {
  description = "Timeout of a batch and batching window, in seconds: `--timeout` and `--window` of `windrow run`, with its defaults. The queue's visibility timeout is six times the timeout plus the window."
  type        = object({ timeout_s = optional(number, 120), window_s = optional(number, 60) })
  default     = {}
  nullable    = false
}

variable "ledger_ttl_days" {
  description = "Days that the ledger remembers a delivery; a duplicate event later than this is delivered again."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.ledger_ttl_days > 14 + 2 * var.queue_retention_days
    error_message = "ledger_ttl_days must be over 14 + 2 * queue_retention_days: a message may wait in the queue, 14 days in the dead-letter queue, and in the queue again after it is sent back."
  }
}

variable "destination" {
  description = "The destination, for the output environment: endpoint as https://host[:port] (http:// on loopback addresses only), bucket, prefix of the archives, and the region that it expects in signatures."
  type = object({
    endpoint = string
    bucket   = string
    prefix   = optional(string, "")
    region   = optional(string, "us-east-1")
  })
  nullable = false

  validation {
    condition     = can(regex("^(https://([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])|http://(localhost|127\\.[0-9.]+))(:[1-9][0-9]{0,4})?$", var.destination.endpoint)) && try(tonumber(regex(":([0-9]+)$", var.destination.endpoint)[0]) <= 65535, true)
    error_message = "destination.endpoint must be https://host[:port], without a path or credentials; http:// is accepted on loopback addresses only."
  }

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.destination.bucket))
    error_message = "destination.bucket must be the name of a bucket."
  }

  validation {
    condition     = var.destination.prefix == "" || can(regex("^[^/]+(/[^/]+)*$", var.destination.prefix))
    error_message = "destination.prefix must have no empty parts and not start or end with '/'."
  }
}

variable "workers" {
  description = "Who may assume the worker's role: roles and users (principal_arns: of an ECS task, a service account, an instance), and servers with a certificate, through IAM Roles Anywhere (certificates: the ARN of the trust anchor, and the accepted common names)."
  type = object({
    principal_arns = optional(set(string), [])
    certificates   = optional(object({ trust_anchor_arn = string, common_names = set(string) }))
  })
  nullable = false
}

variable "alarms" {
  description = "Alarms on SQS's metrics, for when the workers or Prometheus are down: address of the operations runbook (each alarm links its section), the SNS topics to notify, and files that usually arrive in an hour; null for none."
  type = object({
    runbook_url    = string
    topic_arns     = set(string)
    files_per_hour = optional(number, 36000)
  })

  validation {
    condition     = var.alarms == null ? true : can(regex("^https://[^#[:space:]]+$", var.alarms.runbook_url))
    error_message = "alarms.runbook_url must be an https:// address without an anchor, which each alarm adds."
  }

  validation {
    condition     = var.alarms == null ? true : length(var.alarms.topic_arns) > 0 && alltrue([for arn in var.alarms.topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[^*]+$", arn))])
    error_message = "alarms.topic_arns must contain the ARN of at least one SNS topic: otherwise an alarm would notify nobody."
  }

  validation {
    condition     = var.alarms == null ? true : var.alarms.files_per_hour >= 1
    error_message = "alarms.files_per_hour must be at least 1; 36000 is 10 files a second."
  }
}

variable "disposable" {
  description = "Let `terraform destroy` remove everything, with all files: only for a short-lived stack. One that was applied without it needs one more command, see docs/deploy.md, \"Back out\"."
  type        = bool
  default     = false
  nullable    = false
}

variable "plaintext_loopback_cidrs" {
  description = "Loopback addresses that may use plain HTTP, for an emulator on this machine. Requests to AWS never come from one."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the role created here, for a caller that may create roles only with this boundary; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[^*]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/boundary."
  }
}
