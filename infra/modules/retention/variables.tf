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

variable "timeout_s" {
  description = "Run time of one sweep at most, in seconds; what does not fit is left to the next one."
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
  description = "Days that raw files stay at least, delivered or not."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.hot_days >= 7 && var.hot_days <= 365
    error_message = "hot_days must be from 7 (audit and replay read files at once that long) to 365."
  }
}

variable "landing" {
  description = "The landing bucket, whose files expire."
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
    error_message = "copies must be another bucket than landing: copies would come in as uploads."
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
  description = "Days that the ledger remembers a delivery, as the aggregator has it."
  type        = number
  nullable    = false

  validation {
    condition     = var.ledger_ttl_days >= 5 && var.ledger_ttl_days <= 3650
    error_message = "ledger_ttl_days must be from 5 (the ledger must remember longer than the queue keeps a message) to 3650."
  }
}

variable "worker_principal_arns" {
  description = "Roles or users of servers where `windrow retain` sweeps; they may take on a role for it."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.worker_principal_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[^*]+$", arn))])
    error_message = "worker_principal_arns must hold ARNs of single roles or users, without '*'."
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
  description = "Key that encrypts the secret, the log and the function's settings."
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
