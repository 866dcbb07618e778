variable "name" {
  description = "Name of the function or stack of the workers; their role is <name>-worker."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,57}$", var.name))
    error_message = "name must be 1 to 57 letters, digits, '_' or '-' (IAM allows 64, and '-worker' is added)."
  }
}

variable "description" {
  description = "Description of the role."
  type        = string
  nullable    = false
}

variable "principal_arns" {
  description = "Roles and users that may assume the role: of a server, an ECS task, a service account, an instance."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.principal_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[^*]+$", arn))])
    error_message = "Workers must be single roles or users: ARNs without '*', such as arn:aws:iam::111122223333:role/worker."
  }

  validation {
    condition     = length(var.principal_arns) > 0 || var.certificates != null
    error_message = "Name who may assume the workers' role: roles or users, certificates, or both."
  }
}

variable "certificates" {
  description = "Servers with a certificate that may assume the role through IAM Roles Anywhere: the ARN of the trust anchor, and the accepted common names; null for none."
  type        = object({ trust_anchor_arn = string, common_names = set(string) })
  default     = null

  validation {
    condition     = var.certificates == null ? true : can(regex("^arn:aws[a-z-]*:rolesanywhere:[a-z0-9-]+:[0-9]{12}:trust-anchor/[^*]+$", var.certificates.trust_anchor_arn))
    error_message = "certificates.trust_anchor_arn must be the ARN of one trust anchor, arn:aws:rolesanywhere:<region>:<account>:trust-anchor/<id>."
  }

  validation {
    condition     = var.certificates == null ? true : length(var.certificates.common_names) > 0 && alltrue([for name in var.certificates.common_names : can(regex("^[^*?]{1,64}$", name))])
    error_message = "certificates.common_names must name the accepted certificates, without wildcards: otherwise every certificate of that CA would be accepted."
  }
}

variable "policy" {
  description = "Permissions of the role: a policy (JSON)."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the role; null for none. The modules that call this one validate it."
  type        = string
  default     = null
}
