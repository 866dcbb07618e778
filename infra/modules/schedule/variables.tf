variable "name" {
  description = "Name of the schedule; its role is <name>-schedule."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,55}$", var.name))
    error_message = "name must be 1 to 55 letters, digits, '_' or '-' (IAM allows 64, and '-schedule' is added)."
  }
}

variable "runs" {
  description = "What the schedule runs, for descriptions, for example: the sentinel."
  type        = string
  nullable    = false
}

variable "expression" {
  description = "When it runs, as an expression of EventBridge Scheduler."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\([^()]+\\)$", var.expression))
    error_message = "expression must be cron(...) or rate(...), for example cron(0 9 * * ? *), every day at nine UTC."
  }
}

variable "function" {
  description = "Name and ARN of the function that it runs."
  type        = object({ name = string, arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[^*]+$", var.function.arn))
    error_message = "function.arn must be the ARN of one function, without '*'."
  }
}

variable "retries" {
  description = "Number of retries of an event: by Scheduler, if it can't pass it to Lambda, and by Lambda, if the function fails."
  type        = object({ scheduler = number, lambda = number })
  nullable    = false

  validation {
    condition     = var.retries.scheduler >= 0 && var.retries.scheduler <= 185 && var.retries.lambda >= 0 && var.retries.lambda <= 2
    error_message = "retries.scheduler must be from 0 to 185, the limit of Scheduler, and retries.lambda from 0 to 2, that of Lambda."
  }
}

variable "event_age_s" {
  description = "Seconds after which Scheduler and Lambda drop an event that has not run."
  type        = number
  nullable    = false

  validation {
    condition     = var.event_age_s >= 60 && var.event_age_s <= 21600
    error_message = "event_age_s must be from 60 to 21600 (six hours), the limits of Lambda."
  }
}

variable "region" {
  description = "Region of the schedule."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, for example eu-west-2."
  }
}

variable "account_id" {
  description = "Account of the schedule."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the role created here, for a caller that may create roles only with this boundary; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[^*]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/boundary."
  }
}
