variable "name" {
  description = "Name of the key; its alias is alias/<name>."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,200}$", var.name)) && !startswith(var.name, "aws/")
    error_message = "name must be 1 to 200 letters, digits, '/', '_' or '-', and must not start with 'aws/', which is reserved for AWS."
  }
}

variable "description" {
  description = "What the key protects."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "Account that administers the key; its IAM policies decide who may use it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "grants" {
  description = "Who may use the key without an IAM policy of this account: AWS services and principals of other accounts. Each needs at least one condition that restricts it."
  type = list(object({
    sid        = string
    principals = object({ type = string, identifiers = list(string) })
    actions    = list(string)
    conditions = list(object({ test = string, variable = string, values = list(string) }))
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for grant in var.grants : length(grant.conditions) > 0])
    error_message = "Every grant needs at least one condition that restricts its source."
  }

  validation {
    condition     = alltrue([for grant in var.grants : contains(["AWS", "Service"], grant.principals.type)])
    error_message = "principals.type must be AWS or Service."
  }

  validation {
    condition     = alltrue(flatten([for grant in var.grants : [for who in grant.principals.identifiers : who != "*"]]))
    error_message = "A grant must name its principals; '*' is not accepted."
  }

  validation {
    condition = alltrue(flatten([for grant in var.grants : [
      for action in grant.actions : contains(
        ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
        action
      )
    ]]))
    error_message = "A grant may contain actions on data only (Decrypt, DescribeKey, Encrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, ReEncryptFrom, ReEncryptTo)."
  }
}

variable "deletion_window_days" {
  description = "Days between the destruction of the key and its deletion, in which it can be restored."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be from 7 to 30, the limits of KMS."
  }
}
