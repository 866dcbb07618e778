variable "name" {
  description = "Name of the table."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.name))
    error_message = "name must be 3 to 255 letters, digits, '_', '.' or '-', the limits of DynamoDB."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the table."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>), not of an alias."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the table. Off only for short-lived stacks."
  type        = bool
  default     = true
  nullable    = false
}
