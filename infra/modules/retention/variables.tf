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
  description = "Timeout of one sweep, in seconds; the next sweep continues the work."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.timeout_s >= 300 && var.timeout_s <= 900
    error_message = "timeout_s must be from 300 (listing two weeks alone can take a minute) to 900 (the limit of Lambda)."
  }
}

variable "memory_mb" {
  description = "Memory in MB; the share of CPU grows with it (1,769 MB is one vCPU)."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_mb >= 512 && var.memory_mb <= 3008
    error_message = "memory_mb must be from 512 (four archives are copied at once, 24 MB of each in memory) to 3008 (a sweep needs no more)."
  }
}

variable "hot_days" {
  description = "Days that raw files are kept at least, delivered or not."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.hot_days >= 7 && var.hot_days <= 365
    error_message = "hot_days must be from 7 (audit and replay need files for that long) to 365."
  }
}

variable "landing" {
  description = "The landing bucket, whose raw files are deleted."
  type        = object({ bucket_name = string, bucket_arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}$", var.landing.bucket_arn))
    error_message = "landing.bucket_arn must be the ARN of one bucket, without '*'."
  }
}

variable "copies" {
  description = "The bucket for copies of archives, and the key that encrypts it."
  type        = object({ bucket_name = string, bucket_arn = string, kms_key_arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}$", var.copies.bucket_arn))
    error_message = "copies.bucket_arn must be the ARN of one bucket, without '*'."
  }

  validation {
    condition     = var.copies.bucket_name != var.landing.bucket_name
    error_message = "copies must be another bucket than landing: otherwise copies would be delivered as uploads."
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

variable "ledger_ttl_days" {
  description = "Days that the ledger remembers a delivery, the same as the aggregator's."
  type        = number
  nullable    = false

  validation {
    condition     = var.ledger_ttl_days >= 5 && var.ledger_ttl_days <= 3650
    error_message = "ledger_ttl_days must be from 5 (the ledger must remember longer than the queue keeps a message) to 3650."
  }
}

variable "worker_principal_arns" {
  description = "Roles or users of servers that run `windrow retain`; they may assume a role for it."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "reserved_concurrency" {
  description = "Reserved concurrency, taken from the account's pool; null shares the pool, 0 keeps the function from running."
  type        = number
  default     = null
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
