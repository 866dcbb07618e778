variable "name" {
  description = "Prefix of the names of all resources. Two stacks in one account need different names, even in different regions, since IAM roles are global; a separate account for each stage is better."
  type        = string
  default     = "windrow"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,31}$", var.name))
    error_message = "name must be 1 to 32 lower-case letters, digits or '-', and start with a letter."
  }
}

variable "landing_bucket_name" {
  description = "Name of the landing bucket, unique in all of AWS."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,52}[a-z0-9]$", var.landing_bucket_name))
    error_message = "landing_bucket_name must be 3 to 54 lower-case letters, digits or '-' (S3 allows 63, and '-archives' may be added)."
  }
}

variable "uploaders" {
  description = "Who may upload. For each uploader: a role or user, usually of another account; the prefix under which it may put objects (ending in '/'); the public addresses that it must come from (default: any); and whether it uploads through an access point of its own, which takes no space in the bucket's policy."
  type = map(object({
    principal_arn = string
    prefix        = string
    source_cidrs  = optional(list(string), [])
    access_point  = optional(bool, false)
  }))
  nullable = false
}

variable "retention" {
  description = "How long files are kept; see the landing module."
  type = object({
    mode             = optional(string, "raw")
    hot_days         = optional(number, 7)
    old_version_days = optional(number, 7)
    smallest_moved   = optional(string, "varies_by_storage_class")

    expire_after_days = optional(number)
  })
  default  = {}
  nullable = false
}

variable "daily_audit" {
  description = "The daily audit: whether it reads S3's inventories of the landing bucket (without `inventory` it lists the bucket, which is suitable for up to a million versions), when it runs, and its memory and temporary storage; null for no audit."
  type = object({
    inventory            = optional(bool, true)
    schedule             = optional(string, "cron(0 9 * * ? *)")
    memory_mb            = optional(number, 1769)
    ephemeral_storage_mb = optional(number, 4096)
  })
  default = {}

  validation {
    condition     = var.daily_audit == null ? true : var.notification.suffix == "" && (var.notification.prefix == "" || var.daily_audit.inventory)
    error_message = "daily_audit must be null with notification.suffix, and use inventories with notification.prefix: otherwise it would report objects without events as missing."
  }
}

variable "queue_retention_days" {
  description = "Days that a file can wait in the queue for the destination; longer outages need `windrow replay --missing`."
  type        = number
  default     = 5
  nullable    = false
}

variable "queue_max_receives" {
  description = "Receives after which SQS moves a message to the dead-letter queue."
  type        = number
  default     = 100
  nullable    = false
}

variable "notification" {
  description = "How the queue gets events of new objects: from S3 itself (through = queue), from an existing SNS topic that lets the bucket publish (through = topic, topic_arn), or from EventBridge (through = eventbridge). prefix and suffix restrict them to keys that begin and end so; other objects stay in the bucket and are not delivered."
  type = object({
    through   = optional(string, "queue")
    topic_arn = optional(string)
    prefix    = optional(string, "")
    suffix    = optional(string, "")
  })
  default  = {}
  nullable = false
}

variable "destination" {
  description = "MinIO: endpoint as https://host[:port] (the host must resolve in the VPC, or be an address that its certificate names), its addresses as narrow IPv4 ranges, bucket, prefix of the archives, the region that it expects in signatures, and whether it has MinIO's admin API, which the rotation of its keys needs. With admin_api = false there is no rotation function, and keys are replaced by hand (docs/operations.md)."
  type = object({
    endpoint = string
    cidrs    = list(string)
    bucket   = string
    prefix   = optional(string, "")
    region   = optional(string, "us-east-1")

    admin_api = optional(bool, true)
  })
  nullable = false
}

variable "on_premises" {
  description = "The network path to MinIO, exactly one of: site_to_site_vpn (created here, to one or two routers, with the BGP numbers of both sides), transit_gateway (an existing one, to which the VPC is attached), existing_vpc (one that already reaches MinIO and the AWS services; gateway_endpoints says which of dynamodb and s3 it reaches by a gateway endpoint instead of an interface endpoint)."
  type = object({
    site_to_site_vpn = optional(object({
      gateway_address = string
      gateway_asn     = optional(number, 65000)
      second_gateway  = optional(object({ address = string, asn = optional(number, 65000) }))
      amazon_asn      = optional(number, 64512)
    }))
    transit_gateway = optional(object({
      id = string
    }))
    existing_vpc = optional(object({
      vpc_id                      = string
      subnet_ids                  = list(string)
      endpoints_security_group_id = string
      gateway_endpoints           = optional(set(string), ["dynamodb", "s3"])
    }))
  })
  nullable = false
}

variable "resolver_rule_ids" {
  description = "Route 53 Resolver rules to associate with the VPC, so that it resolves MinIO's name. An existing VPC may already have them."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "availability_zones" {
  description = "Availability zones of the private subnets, one subnet each; null for zones a and b of the region. Not used with an existing VPC."
  type        = list(string)
  default     = null
}

variable "vpc_cidr" {
  description = "Addresses of the VPC; must not overlap with the on-premises network. Not used with an existing VPC."
  type        = string
  default     = "10.64.0.0/22"
  nullable    = false
}

variable "zip_path" {
  description = "Path of the zip that `windrow package` built."
  type        = string
  nullable    = false
}

variable "rotation_zip_path" {
  description = "Path of the rotation's own zip; null for the path that `windrow package` writes it to, next to zip_path: <name>-rotation.zip."
  type        = string
  default     = null

  validation {
    condition     = !var.destination.admin_api || fileexists(coalesce(var.rotation_zip_path, replace(var.zip_path, "/\\.zip$/", "-rotation.zip")))
    error_message = "The rotation's zip is missing: `windrow package` writes it next to zip_path, as <name>-rotation.zip; set rotation_zip_path if it is elsewhere."
  }
}

variable "aggregator" {
  description = "The aggregator: timeout of a batch (s), memory (MB), batching window (s), largest number of messages in a batch, largest number of batches at once, pollers of provisioned mode instead of that number (null for none), compression level (1 to 12), largest archive in raw bytes, largest object in bytes, limit on the bytes a second that each batch sends to the destination (0 for no limit), object lock of the archives there (null for none), objects fetched at once, reserved concurrency (null shares the account's, 0 keeps an emulator from running the function; AWS would still take messages), and the first target of the alias (null for the version just published)."
  type = object({
    timeout_s            = optional(number, 120)
    memory_mb            = optional(number, 1024)
    window_s             = optional(number, 60)
    batch_size           = optional(number, 10000)
    maximum_concurrency  = optional(number, 10)
    provisioned_pollers  = optional(object({ minimum = number, maximum = number }))
    compression_level    = optional(number, 5)
    max_archive_bytes    = optional(number, 201326592)
    max_object_bytes     = optional(number, 5368709120)
    max_bytes_per_s      = optional(number, 0)
    object_lock          = optional(object({ mode = string, days = number }))
    fetch_concurrency    = optional(number, 16)
    reserved_concurrency = optional(number)
    initial_version      = optional(string)
  })
  default  = {}
  nullable = false
}

variable "reserved_concurrency" {
  description = "Reserved concurrency of each of the sentinel, the rotation, the retention sweep and the audit; null shares the account's, 0 keeps Lambda from running them."
  type        = number
  default     = null
}

variable "worker_principal_arns" {
  description = "Roles or users of servers that run `windrow run` and `windrow retain`, as the aggregator and the retention sweep do; they may assume the roles of the output worker_role_arns."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "ledger_ttl_days" {
  description = "Days that the ledger remembers a delivery; a duplicate event later than this is delivered again."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.ledger_ttl_days > 14 + 2 * var.queue_retention_days
    error_message = "ledger_ttl_days must be over 14 + 2 * queue_retention_days: a message may wait in the queue, 14 days in the dead-letter queue, and in the queue again after it is sent back."
  }
}

variable "rotation_days" {
  description = "Days between rotations of MinIO's credentials; null until the secret has its first value, which is set outside Terraform. Ignored if destination.admin_api is false."
  type        = number
  default     = 30
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
  nullable    = false
}

variable "alarms" {
  description = "Alarms and dashboard: address of the operations runbook (each alarm links its section), mail addresses to notify, files that usually arrive in an hour, and minutes without a file after which an alarm fires. null creates none, for a stack that is monitored in another way or an emulator without alarms."
  type = object({
    runbook_url    = string
    emails         = optional(set(string), [])
    files_per_hour = optional(number, 36000)
    quiet_minutes  = optional(number, 15)
  })
}

variable "disposable" {
  description = "Let `terraform destroy` remove everything, with all files: only for a short-lived stack. A stack that was applied without it needs one more command, see docs/deploy.md."
  type        = bool
  default     = false
  nullable    = false
}

variable "plaintext_loopback_cidrs" {
  description = "Loopback addresses that may use plain HTTP, for an emulator on this machine. Requests to AWS never come from one."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of each role of the stack, for a caller that may create roles only with this boundary, as the roles of examples/pipeline; null for none."
  type        = string
  default     = null
}
