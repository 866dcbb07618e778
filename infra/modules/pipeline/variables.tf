variable "name" {
  description = "Name of the stack: the `name` of the root module."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,31}$", var.name))
    error_message = "name must be 1 to 32 lower-case letters, digits or '-', and start with a letter."
  }
}

variable "landing_bucket_name" {
  description = "Landing bucket of the stack."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,52}[a-z0-9]$", var.landing_bucket_name))
    error_message = "landing_bucket_name must be 3 to 54 lower-case letters, digits or '-', as in the root module."
  }
}

variable "region" {
  description = "Region of the stack."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, for example eu-west-2."
  }
}

variable "account_id" {
  description = "Account of the stack."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "state" {
  description = "Location of the stack's Terraform state: bucket and key, as in its backend."
  type        = object({ bucket = string, key = string })
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state.bucket)) && can(regex("^[^*?$]+$", var.state.key))
    error_message = "state must contain the name of a bucket, and a key without wildcards."
  }
}

variable "oidc_provider_arn" {
  description = "The account's OIDC provider for GitHub's workflows; an account has one."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[^*]+$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be the ARN of an OIDC provider."
  }
}

variable "repository" {
  description = "Repository whose workflows assume the roles, as OWNER/NAME."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository must be OWNER/NAME, without wildcards."
  }
}

variable "environment" {
  description = "GitHub environment of the jobs that apply and deploy. GitHub asks its reviewers, and refuses branches that it does not allow."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+$", var.environment))
    error_message = "environment must be letters, digits, '.', '_' or '-'."
  }
}

variable "deployer_policy" {
  description = "The stack's output of the same name, for the role of `windrow deploy`; null before the stack exists, and then there is no such role."
  type        = string
  default     = null

  validation {
    condition     = var.deployer_policy == null ? true : can(jsondecode(var.deployer_policy).Statement)
    error_message = "deployer_policy must be a policy as JSON: terraform output -raw deployer_policy."
  }
}
