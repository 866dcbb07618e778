variable "name" {
  description = "Name of the function, its role, its log group and its schedule."
  type        = string
  nullable    = false
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

variable "region" {
  description = "Region of everything but the destination."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, for example eu-west-2."
  }
}

variable "account_id" {
  description = "Account that the schedule runs in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "zip_path" {
  description = "Path of the zip that `windrow package` made."
  type        = string
  nullable    = false

  validation {
    condition     = endswith(var.zip_path, ".zip")
    error_message = "zip_path must name a .zip file, as `windrow package` makes it."
  }
}

variable "schedule" {
  description = "When the audit runs, as an expression of EventBridge Scheduler. S3 writes inventories at night and promises no hour."
  type        = string
  default     = "cron(0 9 * * ? *)"
  nullable    = false
}

variable "inventory" {
  description = "Bucket that S3 delivers daily inventories of the landing bucket to, days after which they expire, and how the keys begin that are announced (others are not audited); null has the audit list the landing bucket, which suits up to a million versions in it."
  type        = object({ bucket_name = string, expire_after_days = optional(number, 14), prefix = optional(string, "") })
  default     = null

  validation {
    condition     = var.inventory == null ? true : (var.inventory.expire_after_days >= 3 && var.inventory.expire_after_days <= 3650)
    error_message = "inventory.expire_after_days must be from 3 (the newest must still be there when its successor is late) to 3650."
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
  description = "Days that raw files stay at least: what arrived before is not judged, since it may be gone."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.hot_days >= 7 && var.hot_days <= 365
    error_message = "hot_days must be from 7 to 365."
  }
}

variable "timeout_s" {
  description = "Run time of one audit at most, in seconds."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.timeout_s >= 300 && var.timeout_s <= 900
    error_message = "timeout_s must be from 300 (a day of a million files takes minutes) to 900 (the limit of Lambda)."
  }
}

variable "memory_mb" {
  description = "Memory in MB; the share of CPU grows with it, and the audit needs one vCPU's (1,769 MB) at ten files a second."
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
  description = "Invocations at once at most, taken out of the account's pool; null shares the pool, 0 keeps the function from running."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null ? true : var.reserved_concurrency >= 0
    error_message = "reserved_concurrency must be null, or 0 or more."
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
  description = "The destination: endpoint as https://host[:port] (http:// on loopback addresses only), bucket, prefix of the archives, and the region that MinIO signs for."
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

variable "secret_arn" {
  description = "Secret that holds the credentials of the destination."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.secret_arn))
    error_message = "secret_arn must be the ARN of one secret, without '*'."
  }
}

variable "subnet_ids" {
  description = "Private subnets that the function runs in."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "subnet_ids must name at least one subnet: the destination is reached through the VPC only."
  }
}

variable "security_group_ids" {
  description = "Security groups of the function's network interfaces."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.security_group_ids) > 0
    error_message = "security_group_ids must name at least one group, which limits where the function may connect to."
  }
}

variable "log_retention_days" {
  description = "Days that the log is kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a number of days that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts inventories, the ledger, the secret, the log and the function's settings; S3 must be allowed to encrypt with it for the landing bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>), not of an alias."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what the roles made here may do at most, where whoever applies may make no others; null without."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[^*]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/boundary."
  }
}

variable "plaintext_loopback_cidrs" {
  description = "Loopback addresses that may use plain HTTP, for an emulator on this machine. No request that reaches AWS comes from one."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.plaintext_loopback_cidrs : can(regex("^127\\.[0-9]+\\.[0-9]+\\.[0-9]+/(8|16|24|32)$", cidr))])
    error_message = "plaintext_loopback_cidrs must hold loopback addresses only (inside 127.0.0.0/8)."
  }
}
