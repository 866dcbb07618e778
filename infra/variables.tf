variable "name" {
  description = "Prefix of the names of all resources. Two stacks in one account need different names, in different regions too, since IAM roles are global; an account for each stage is better."
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
  description = "Who may upload: a role or user, usually of another account, the prefix that it may put objects under (ending in '/'), the public addresses that it must come from (any, if left out), and whether it uploads by an access point of its own, which the bucket's policy needs no room for."
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
  description = "The audit that runs by itself: by S3's own inventories of the landing bucket (or, without `inventory`, by listing it, which suits up to a million versions in it), when, and with how much memory and temporary storage; null for none."
  type = object({
    inventory            = optional(bool, true)
    schedule             = optional(string, "cron(0 9 * * ? *)")
    memory_mb            = optional(number, 1769)
    ephemeral_storage_mb = optional(number, 4096)
  })
  default = {}

  validation {
    condition     = var.daily_audit == null ? true : var.notification.suffix == "" && (var.notification.prefix == "" || var.daily_audit.inventory)
    error_message = "daily_audit must be null with notification.suffix, and go by inventories with notification.prefix: it would call missing what is not announced."
  }
}

variable "queue_retention_days" {
  description = "Days that a file waits for the destination at most; longer outages need `windrow replay --missing`."
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
  description = "How the queue is told of new objects: by S3 itself (through = queue), by an SNS topic that exists and lets the bucket publish (through = topic, topic_arn), or by EventBridge (through = eventbridge); and of which, by how their keys begin (prefix) and end (suffix). Other objects stay in the bucket and are not delivered."
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
  description = "MinIO: endpoint as https://host[:port] (the host must resolve in the VPC, or be an address that its certificate names), its addresses as narrow IPv4 ranges, bucket, prefix of the archives, the region that it signs for, and whether it has MinIO's admin API, by which its keys are rotated. With admin_api = false there is no rotation function, and keys are handed over as docs/operations.md says."
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
  description = "The way to MinIO, exactly one of: site_to_site_vpn (made here, to one router or to two, with the BGP numbers of both sides), transit_gateway (an existing one, to which the VPC is attached), existing_vpc (one that reaches MinIO and the AWS services already; gateway_endpoints are those of dynamodb and s3 that it reaches by a gateway endpoint and not by an interface endpoint)."
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
  description = "Route 53 Resolver rules that are associated with the VPC, so that it resolves MinIO's name. An existing VPC may have them already."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "availability_zones" {
  description = "Zones of the private subnets, one subnet each; null for a and b of the region. Not used with an existing VPC."
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
  description = "Path of the zip that `windrow package` made."
  type        = string
  nullable    = false
}

variable "rotation_zip_path" {
  description = "Path of the rotation's own zip; null for where `windrow package` leaves it, beside zip_path: <name>-rotation.zip."
  type        = string
  default     = null

  validation {
    condition     = !var.destination.admin_api || fileexists(coalesce(var.rotation_zip_path, replace(var.zip_path, "/\\.zip$/", "-rotation.zip")))
    error_message = "The rotation's zip is not there: `windrow package` makes it beside zip_path, as <name>-rotation.zip; name it by rotation_zip_path if it lies elsewhere."
  }
}

variable "aggregator" {
  description = "The aggregator: timeout of a batch (s), memory (MB), batching window (s), messages of a batch, batches at once, pollers of provisioned mode in the place of that (null for none), level of compression (1 to 12), raw bytes of an archive at most, bytes of the largest object accepted, bytes a second that each batch sends to the destination at most (0 for as fast as it goes), how archives are locked there (null for no lock), objects fetched at once, the concurrency reserved for it (null shares the account's, 0 keeps an emulator from running it; AWS would still take messages), and what the alias points to at first (null for the version just published)."
  type = object({
    timeout_s            = optional(number, 120)
    memory_mb            = optional(number, 1024)
    window_s             = optional(number, 60)
    batch_size           = optional(number, 10000)
    maximum_concurrency  = optional(number, 10)
    provisioned_pollers  = optional(object({ minimum = number, maximum = number }))
    compression_level    = optional(number, 6)
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
  description = "Concurrency reserved for the sentinel, the rotation and the retention sweep, each; null shares the account's, 0 keeps Lambda from running them."
  type        = number
  default     = null
}

variable "worker_principal_arns" {
  description = "Roles or users of servers where `windrow run` and `windrow retain` do the work of the aggregator and the retention sweep; they may take on the roles of the output worker_role_arns."
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
    error_message = "ledger_ttl_days must be over 14 + 2 * queue_retention_days: a message may wait in the queue, 14 days among the dead letters, and in the queue again once it is sent back."
  }
}

variable "rotation_days" {
  description = "Days between rotations of MinIO's credentials; null before the secret has its first value, which is set outside Terraform. Without meaning where destination.admin_api is false."
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
  description = "Alarms and dashboard: address of the operations runbook (each alarm links its section), mail addresses to tell, files that usually arrive in an hour, and minutes without any after which an alarm says so. null makes none, where something else watches the stack or an emulator can't hold alarms."
  type = object({
    runbook_url    = string
    emails         = optional(set(string), [])
    files_per_hour = optional(number, 36000)
    quiet_minutes  = optional(number, 15)
  })
}

variable "disposable" {
  description = "Let `terraform destroy` remove everything, with all files: only for a stack that comes and goes. A stack that was applied without it needs one command more, see docs/deploy.md."
  type        = bool
  default     = false
  nullable    = false
}

variable "plaintext_loopback_cidrs" {
  description = "Loopback addresses that may use plain HTTP, for an emulator on this machine. No request that reaches AWS comes from one."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what each role of the stack may do at most, where whoever applies may make no others, as the roles of examples/pipeline; null without."
  type        = string
  default     = null
}
