variable "name" {
  description = "Name of the function, its role, its log group and its schedule."
  type        = string
  nullable    = false
}

variable "lambda" {
  description = "Settings shared by the stack's functions: path of the zip that `windrow package` built, private subnets and security groups, days that logs are kept, the key that encrypts the ledger, the secret, logs and settings, region and account, and the permissions boundary of roles (null for none)."
  type = object({
    zip_path                 = string
    subnet_ids               = list(string)
    security_group_ids       = list(string)
    log_retention_days       = optional(number, 30)
    kms_key_arn              = string
    region                   = string
    account_id               = string
    permissions_boundary_arn = optional(string)
  })
  nullable = false
}

variable "stack" {
  description = "Name of the stack, a dimension of its metrics."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.stack))
    error_message = "stack must be 1 to 64 letters, digits, '_' or '-'."
  }
}

variable "schedule" {
  description = "When the audit runs, as an expression of EventBridge Scheduler. S3 writes inventories at night, at no fixed time."
  type        = string
  default     = "cron(0 9 * * ? *)"
  nullable    = false
}

variable "inventory" {
  description = "Bucket that S3 delivers daily inventories of the landing bucket to (the key of `lambda` must let it encrypt them), days after which they expire, and the prefix of the keys that send events (others are not audited). With null the audit lists the landing bucket, which is suitable for up to a million versions."
  type        = object({ bucket_name = string, expire_after_days = optional(number, 14), prefix = optional(string, "") })
  default     = null

  validation {
    condition     = var.inventory == null ? true : (var.inventory.expire_after_days >= 3 && var.inventory.expire_after_days <= 3650)
    error_message = "inventory.expire_after_days must be from 3 (the newest must still exist if the next one is late) to 3650."
  }
}

variable "landing" {
  description = "The landing bucket."
  type        = object({ bucket_name = string, bucket_arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+$", var.landing.bucket_arn))
    error_message = "landing.bucket_arn must be the ARN of one bucket."
  }
}

variable "hot_days" {
  description = "Days that raw files are kept at least: files that arrived earlier are not judged, since they may have been deleted."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.hot_days >= 7 && var.hot_days <= 365
    error_message = "hot_days must be from 7 to 365."
  }
}

variable "timeout_s" {
  description = "Timeout of one audit, in seconds."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.timeout_s >= 300 && var.timeout_s <= 900
    error_message = "timeout_s must be from 300 (a day of a million files takes minutes) to 900 (the limit of Lambda)."
  }
}

variable "memory_mb" {
  description = "Memory in MB; the share of CPU grows with it, and at ten files a second the audit needs one vCPU (1,769 MB)."
  type        = number
  default     = 1769
  nullable    = false

  validation {
    condition     = var.memory_mb >= 512 && var.memory_mb <= 10240
    error_message = "memory_mb must be from 512 to 10240 (the limit of Lambda)."
  }
}

variable "ephemeral_storage_mb" {
  description = "Temporary storage in MB: half a gigabyte for each million files that arrived in three days."
  type        = number
  default     = 4096
  nullable    = false

  validation {
    condition     = var.ephemeral_storage_mb >= 1024 && var.ephemeral_storage_mb <= 10240
    error_message = "ephemeral_storage_mb must be from 1024 to 10240, the limit of Lambda."
  }
}

variable "reserved_concurrency" {
  description = "Reserved concurrency, taken from the account's pool; null shares the pool, 0 keeps the function from running."
  type        = number
  default     = null
}

variable "ledger" {
  description = "Name and ARN of the ledger table."
  type        = object({ name = string, arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[^*]+$", var.ledger.arn))
    error_message = "ledger.arn must be the ARN of one table, without '*'."
  }
}

variable "destination" {
  description = "The destination: endpoint as https://host[:port] (http:// on loopback addresses only), bucket, prefix of the archives, and the region that it expects in signatures."
  type        = object({ endpoint = string, bucket = string, prefix = optional(string, ""), region = optional(string, "us-east-1") })
  nullable    = false
}

variable "secret_arn" {
  description = "Secret that holds the credentials of the destination."
  type        = string
  nullable    = false
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
