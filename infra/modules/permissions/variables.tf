variable "region" {
  description = "Region of all resources but the destination."
  type        = string
  nullable    = false
}

variable "landing" {
  description = "The landing bucket: its ARN and its key."
  type        = object({ bucket_arn = string, kms_key_arn = string })
  nullable    = false
}

variable "queue" {
  description = "ARNs of the queue and of its dead-letter queue."
  type        = object({ arn = string, dead_letter_arn = string })
  nullable    = false
}

variable "ledger_arn" {
  description = "ARN of the ledger table."
  type        = string
  nullable    = false
}

variable "secret_arn" {
  description = "Secret that holds the destination's credentials."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts ledger and secret."
  type        = string
  nullable    = false
}
