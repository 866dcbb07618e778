variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,64}$", var.name))
    error_message = "name must be 1 to 64 letters, digits, '_' or '-', the limit of Lambda and IAM."
  }
}

variable "description" {
  description = "What the function does."
  type        = string
  nullable    = false
}

variable "handler" {
  description = "Entry point, as package.module.function."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^windrow\\.functions\\.[a-z_]+\\.handler$", var.handler))
    error_message = "handler must be windrow.functions.<name>.handler."
  }
}

variable "zip_path" {
  description = "Path of the zip that `windrow package` built."
  type        = string
  nullable    = false

  validation {
    condition     = endswith(var.zip_path, ".zip")
    error_message = "zip_path must name a .zip file, as `windrow package` makes it."
  }
}

variable "publish" {
  description = "Publish a version for each change, for an alias; it runs only once the alias points to it. Without this, changes run at once."
  type        = bool
  default     = false
  nullable    = false
}

variable "environment" {
  description = "Settings of the function (WINDROW_*), in addition to those of the destination."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : startswith(name, "WINDROW_")])
    error_message = "Settings must start with WINDROW_; Lambda sets all others."
  }
}

variable "destination" {
  description = "The destination: endpoint as https://host[:port] (http:// on loopback addresses only), bucket, prefix of the archives, and the region that it expects in signatures."
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

variable "policy" {
  description = "Policy document (JSON) of the function's permissions, in addition to writing its log and using its network interfaces."
  type        = string
  nullable    = false

  validation {
    condition     = can(jsondecode(var.policy).Statement)
    error_message = "policy must be an IAM policy document in JSON."
  }
}

variable "timeout_s" {
  description = "Timeout of one invocation, in seconds."
  type        = number
  nullable    = false

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900
    error_message = "timeout_s must be from 1 to 900, the limit of Lambda."
  }
}

variable "memory_mb" {
  description = "Memory in MB; the share of CPU grows with it (1,769 MB is one vCPU)."
  type        = number
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be from 128 to 10240, the limits of Lambda."
  }
}

variable "ephemeral_storage_mb" {
  description = "Temporary storage of an invocation in MB."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.ephemeral_storage_mb >= 512 && var.ephemeral_storage_mb <= 10240
    error_message = "ephemeral_storage_mb must be from 512 to 10240, the limits of Lambda."
  }
}

variable "reserved_concurrency" {
  description = "Reserved concurrency, taken from the account's pool; null shares the pool, 0 keeps the function from running."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null ? true : var.reserved_concurrency >= 0
    error_message = "reserved_concurrency must be null, or 0 or more."
  }
}

variable "region" {
  description = "Region of the function."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, for example eu-west-2."
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
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a number of days that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the log and the function's settings."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>), not of an alias."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the roles created here, for a caller that may create roles only with this boundary; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[^*]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/boundary."
  }
}
