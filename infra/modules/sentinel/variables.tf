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

variable "timeout_s" {
  description = "Timeout of one probe, in seconds."
  type        = number
  default     = 58
  nullable    = false

  validation {
    condition     = var.timeout_s >= 55 && var.timeout_s <= 59
    error_message = "timeout_s must be from 55 to 59: a strong probe may take 53, and must end before the next one starts."
  }
}

variable "max_object_bytes" {
  description = "Largest object in bytes, the same as the aggregator's; if it is larger than an archive, probes test multipart uploads too."
  type        = number
  default     = 5368709120
  nullable    = false

  validation {
    condition     = var.max_object_bytes >= 1 && var.max_object_bytes <= 161061273600
    error_message = "max_object_bytes must be from 1 to 161061273600 (150 GiB, the most that the 10,000 parts of an upload hold)."
  }
}

variable "max_archive_bytes" {
  description = "Largest archive in raw bytes, the same as the aggregator's."
  type        = number
  default     = 201326592
  nullable    = false

  validation {
    condition     = var.max_archive_bytes >= 1048576 && var.max_archive_bytes <= 4294967296
    error_message = "max_archive_bytes must be from 1048576 to 4294967296 (1 MiB to 4 GiB)."
  }
}

variable "memory_mb" {
  description = "Memory in MB."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 1024
    error_message = "memory_mb must be from 128 (the limit of Lambda) to 1024 (a probe needs no more)."
  }
}

variable "reserved_concurrency" {
  description = "Reserved concurrency, taken from the account's pool; null shares the pool, 0 keeps the function from running."
  type        = number
  default     = null
}

variable "event_source_mapping" {
  description = "UUID and ARN of the event source mapping that the sentinel enables and disables."
  type        = object({ uuid = string, arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:event-source-mapping:[^*]+$", var.event_source_mapping.arn))
    error_message = "event_source_mapping.arn must be the ARN of one mapping, without '*'."
  }
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
