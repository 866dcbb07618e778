variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,64}$", var.name))
    error_message = "name must be 1 to 64 letters, digits, '_' or '-', the limits of Lambda."
  }
}

variable "region" {
  description = "Region of the secret."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, for example eu-west-2."
  }
}

variable "account_id" {
  description = "Account of the secret."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "secret_arn" {
  description = "ARN of the secret that is rotated."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.secret_arn))
    error_message = "secret_arn must be the ARN of one secret, without '*'."
  }
}

variable "zip_path" {
  description = "Path of the rotation's zip that `windrow package` made."
  type        = string
  nullable    = false

  validation {
    condition     = endswith(var.zip_path, ".zip")
    error_message = "zip_path must name a .zip file, as `windrow package` makes it."
  }
}

variable "rotation_days" {
  description = "Days between rotations; null before the secret has its first value, which is set outside Terraform."
  type        = number
  default     = 30

  validation {
    condition     = var.rotation_days == null ? true : (var.rotation_days >= 1 && var.rotation_days <= 365)
    error_message = "rotation_days must be null, or from 1 to 365."
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
  description = "Key that encrypts the ledger, the secret, the log and the function's settings."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>), not of an alias."
  }
}

variable "max_object_bytes" {
  description = "Bytes of one object at most, as the aggregator has it; where one may be larger than an archive, probes go in parts too."
  type        = number
  default     = 5368709120
  nullable    = false

  validation {
    condition     = var.max_object_bytes >= 1 && var.max_object_bytes <= 161061273600
    error_message = "max_object_bytes must be from 1 to 161061273600 (150 GiB, what fits into the 10,000 parts of an upload)."
  }
}

variable "max_archive_bytes" {
  description = "Raw bytes of one archive at most, as the aggregator has it."
  type        = number
  default     = 201326592
  nullable    = false

  validation {
    condition     = var.max_archive_bytes >= 1048576 && var.max_archive_bytes <= 4294967296
    error_message = "max_archive_bytes must be from 1048576 to 4294967296 (1 MiB to 4 GiB)."
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
