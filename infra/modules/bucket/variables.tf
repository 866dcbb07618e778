variable "name" {
  description = "Name of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 63 lower-case letters, digits or '-', and start and end with a letter or digit (a dot would break TLS host names)."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>), not of an alias."
  }
}

variable "statements" {
  description = "Additional statements of the bucket's policy, each one JSON object."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for statement in var.statements : can(jsondecode(statement).Effect)])
    error_message = "Each of statements must be an IAM policy statement in JSON."
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
  description = "Delete the objects with the bucket. Only for short-lived stacks."
  type        = bool
  default     = false
  nullable    = false
}
