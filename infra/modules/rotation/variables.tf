variable "name" {
  description = "Name of the function, its role and its log group."
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

variable "secret_arn" {
  description = "ARN of the secret that is rotated."
  type        = string
  nullable    = false
}

variable "rotation_days" {
  description = "Days between rotations; null until the secret has its first value, which is set outside Terraform."
  type        = number
  default     = 30

  validation {
    condition     = var.rotation_days == null ? true : (var.rotation_days >= 1 && var.rotation_days <= 365)
    error_message = "rotation_days must be null, or from 1 to 365."
  }
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
