variable "name" {
  description = "Prefix of all names, as in the root module."
  type        = string
  default     = "windrow"
  nullable    = false
}

variable "aws_endpoint" {
  description = "Endpoint of MiniStack."
  type        = string
  default     = "http://127.0.0.1:4566"
  nullable    = false

  validation {
    condition     = can(regex("^http://(localhost|127\\.[0-9.]+):[0-9]+$", var.aws_endpoint))
    error_message = "aws_endpoint must be http://127.0.0.1:<port>: this configuration is for an emulator on this machine only."
  }
}

variable "destination_endpoint" {
  description = "Endpoint of the destination."
  type        = string
  default     = "http://127.0.0.1:9000"
  nullable    = false
}

variable "destination_region" {
  description = "Region that the destination expects in signatures."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "destination_bucket" {
  description = "Bucket for the archives."
  type        = string
  default     = "windrow-archives"
  nullable    = false
}

variable "zip_path" {
  description = "Path of a Lambda zip. It runs only if a version is invoked by its number."
  type        = string
  nullable    = false
}

variable "aggregator" {
  description = "The aggregator, as in the root module, but without reserved_concurrency, which is 0 here."
  type = object({
    timeout_s           = optional(number, 120)
    window_s            = optional(number, 60)
    batch_size          = optional(number, 10000)
    maximum_concurrency = optional(number, 2)
  })
  default  = {}
  nullable = false
}

variable "disposable" {
  description = "Let `terraform destroy` remove everything, with all files."
  type        = bool
  default     = true
  nullable    = false
}
