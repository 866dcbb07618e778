variable "name" {
  description = "Random name of the run, which all names begin with."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "Account of the run."
  type        = string
  nullable    = false
}

variable "destination_endpoint" {
  description = "S3 in the region."
  type        = string
  nullable    = false
}

variable "destination_bucket" {
  description = "The second bucket."
  type        = string
  nullable    = false
}
