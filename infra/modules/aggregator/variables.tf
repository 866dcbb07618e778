variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,57}$", var.name))
    error_message = "name must be 1 to 57 letters, digits, '_' or '-' (Lambda and IAM allow 64, and '-worker' is added)."
  }
}

variable "lambda" {
  description = "Settings shared by the stack's functions: path of the zip that `windrow package` built, private subnets and security groups, days that logs are kept, the key that encrypts the ledger, the secret, logs and settings, region, and the permissions boundary of roles (null for none)."
  type = object({
    zip_path                 = string
    subnet_ids               = list(string)
    security_group_ids       = list(string)
    log_retention_days       = optional(number, 30)
    kms_key_arn              = string
    region                   = string
    permissions_boundary_arn = optional(string)
  })
  nullable = false
}

variable "stack" {
  description = "Name of the stack, a dimension of its metrics."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.stack))
    error_message = "stack must be 1 to 64 letters, digits, '_' or '-'."
  }
}

variable "timeout_s" {
  description = "Timeout of one batch, in seconds."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.timeout_s >= 60 && var.timeout_s <= 900
    error_message = "timeout_s must be from 60 (a full batch needs about 20 s, and a slow destination more) to 900 (the limit of Lambda)."
  }
}

variable "memory_mb" {
  description = "Memory in MB; the share of CPU grows with it (1,769 MB is one vCPU)."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = var.memory_mb >= 512 && var.memory_mb <= 10240
    error_message = "memory_mb must be from 512 (a batch needs up to 400 MB) to 10240 (the limit of Lambda)."
  }

  # Measured: 388 MB for the default of 192 MiB.
  validation {
    condition     = var.memory_mb >= 256 + var.max_archive_bytes / 1048576
    error_message = "memory_mb must be 256 more than max_archive_bytes in MiB: files that do not compress are kept in memory until their archive is sent."
  }
}

variable "window_s" {
  description = "Batching window in seconds; files of one window share an archive."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.window_s >= 0 && var.window_s <= 300
    error_message = "window_s must be from 0 to 300, the limit of an event source mapping."
  }
}

variable "batch_size" {
  description = "Largest number of messages in a batch; the limit of 6 MB ends a batch at about 2,900 anyway."
  type        = number
  default     = 10000
  nullable    = false

  validation {
    condition     = var.batch_size >= 10 && var.batch_size <= 10000
    error_message = "batch_size must be from 10 to 10000 (the limit of an event source mapping)."
  }

  validation {
    condition     = var.batch_size <= 10 || var.window_s >= 1
    error_message = "batch_size above 10 needs a window_s of at least 1, a rule of Lambda."
  }
}

variable "maximum_concurrency" {
  description = "Largest number of batches at once."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "maximum_concurrency must be from 2 to 1000, the limits of an event source mapping."
  }

  validation {
    condition     = var.maximum_concurrency * var.batch_size <= 120000
    error_message = "maximum_concurrency times batch_size must be at most 120,000, the messages of one SQS queue that can be in flight (12 batches of 10,000)."
  }
}

variable "provisioned_pollers" {
  description = "Minimum and maximum number of pollers that Lambda keeps for the mapping (provisioned mode); each runs up to 10 batches at once and is billed by the hour. They replace maximum_concurrency. null for none."
  type        = object({ minimum = number, maximum = number })
  default     = null

  validation {
    condition     = var.provisioned_pollers == null ? true : (var.provisioned_pollers.minimum >= 2 && var.provisioned_pollers.minimum <= 200 && var.provisioned_pollers.maximum >= var.provisioned_pollers.minimum && var.provisioned_pollers.maximum <= 2000)
    error_message = "provisioned_pollers must have a minimum from 2 to 200 and a maximum from that to 2000, the limits of Lambda."
  }

  validation {
    condition     = var.provisioned_pollers == null ? true : var.provisioned_pollers.maximum * 10 * var.batch_size <= 120000
    error_message = "provisioned_pollers.maximum times 10 times batch_size must be at most 120,000, the messages of one SQS queue that can be in flight (4 pollers with a batch_size of 3,000, which is what 6 MB hold)."
  }
}

variable "reserved_concurrency" {
  description = "Reserved concurrency, taken from the account's pool; null shares the pool. 0 keeps an emulator from running the function: on AWS the mapping would still receive messages, and return them with one more receive."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null ? true : (var.reserved_concurrency == 0 || var.reserved_concurrency >= var.maximum_concurrency)
    error_message = "reserved_concurrency must be null, 0, or at least maximum_concurrency: fewer would throttle batches."
  }
}

variable "landing" {
  description = "Name and ARN of the landing bucket, and the key that encrypts it."
  type        = object({ bucket_name = string, bucket_arn = string, kms_key_arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}$", var.landing.bucket_arn))
    error_message = "landing.bucket_arn must be the ARN of one bucket, without '*'."
  }

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.landing.kms_key_arn))
    error_message = "landing.kms_key_arn must be the ARN of a key, not of an alias."
  }
}

variable "queue" {
  description = "URLs and ARNs of the queue and its dead-letter queue."
  type        = object({ url = string, arn = string, dead_letter_url = string, dead_letter_arn = string })
  nullable    = false

  validation {
    condition     = alltrue([for arn in [var.queue.arn, var.queue.dead_letter_arn] : can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[^*]+$", arn))])
    error_message = "queue.arn and queue.dead_letter_arn must be ARNs of single queues, without '*'."
  }
}

variable "ledger" {
  description = "Name and ARN of the ledger table."
  type        = object({ name = string, arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[^*]+$", var.ledger.arn))
    error_message = "ledger.arn must be the ARN of one table, without '*'."
  }
}

variable "ledger_ttl_days" {
  description = "Days that the ledger remembers a delivery; a duplicate event later than this is delivered again."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.ledger_ttl_days >= 25 && var.ledger_ttl_days <= 3650
    error_message = "ledger_ttl_days must be from 25 (a message may wait 5 days in the queue, 14 in the dead-letter queue, and 5 again after it is sent back) to 3650."
  }
}

variable "destination" {
  description = "The destination: endpoint as https://host[:port] (http:// on loopback addresses only), bucket, prefix of the archives, and the region that it expects in signatures."
  type        = object({ endpoint = string, bucket = string, prefix = optional(string, ""), region = optional(string, "us-east-1") })
  nullable    = false
}

variable "secret_arn" {
  description = "Secret that holds the credentials of the destination."
  type        = string
  nullable    = false
}

variable "compression_level" {
  description = "Compression level, from 1 (fast, isal's) to 12 (small, libdeflate's)."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.compression_level >= 1 && var.compression_level <= 12
    error_message = "compression_level must be from 1 to 12."
  }
}

variable "max_object_bytes" {
  description = "Largest object in bytes; a larger one is rejected as too-large."
  type        = number
  default     = 5368709120
  nullable    = false

  validation {
    condition     = var.max_object_bytes >= 1 && var.max_object_bytes <= 161061273600
    error_message = "max_object_bytes must be from 1 to 161061273600 (150 GiB, the most that the 10,000 parts of an upload hold)."
  }
}

variable "max_archive_bytes" {
  description = "Largest archive in raw bytes; a larger object gets an archive of its own. A batch needs this much memory and about 200 MB more."
  type        = number
  default     = 201326592
  nullable    = false

  validation {
    condition     = var.max_archive_bytes >= 1048576 && var.max_archive_bytes <= 4294967296
    error_message = "max_archive_bytes must be from 1048576 to 4294967296 (1 MiB to 4 GiB)."
  }
}

variable "max_bytes_per_s" {
  description = "Limit on the bytes a second that each batch sends to the destination; 0 for no limit. Concurrent batches share the network connection: see maximum_concurrency."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.max_bytes_per_s >= 0 && var.max_bytes_per_s <= 10737418240
    error_message = "max_bytes_per_s must be from 0 to 10737418240 (10 GiB a second)."
  }

  validation {
    condition     = var.max_bytes_per_s <= 0 || var.max_bytes_per_s >= ceil(var.max_archive_bytes / 30)
    error_message = "max_bytes_per_s must be 0, or at least a 30th of max_archive_bytes, which must be sent in 30 s: lower max_archive_bytes."
  }

  validation {
    condition     = var.max_bytes_per_s <= 0 || var.max_bytes_per_s >= 4194304 || var.max_object_bytes <= var.max_archive_bytes
    error_message = "max_bytes_per_s must be 0, or at least 4194304 (4 MiB a second) for objects that are sent in parts: lower max_object_bytes to max_archive_bytes."
  }
}

variable "object_lock" {
  description = "Object lock of archives at the destination, whose bucket must have been created with object lock: mode (governance or compliance), and days from the delivery; null for no lock."
  type        = object({ mode = string, days = number })
  default     = null

  validation {
    condition     = var.object_lock == null ? true : contains(["governance", "compliance"], var.object_lock.mode)
    error_message = "object_lock.mode must be governance or compliance."
  }

  validation {
    condition     = var.object_lock == null ? true : (var.object_lock.days >= 1 && var.object_lock.days <= 36500 && floor(var.object_lock.days) == var.object_lock.days)
    error_message = "object_lock.days must be a whole number from 1 to 36500."
  }
}

variable "fetch_concurrency" {
  description = "Objects fetched at once by one batch; fewer need less memory."
  type        = number
  default     = 16
  nullable    = false

  validation {
    condition     = var.fetch_concurrency >= 1 && var.fetch_concurrency <= 256
    error_message = "fetch_concurrency must be from 1 to 256."
  }
}

variable "worker_principal_arns" {
  description = "Roles or users of servers that run `windrow run`; they may assume the workers' role."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "initial_version" {
  description = "First target of the alias: null for the version just published. $LATEST is for MiniStack, which would otherwise run the function itself; AWS can't shift traffic from it."
  type        = string
  default     = null

  validation {
    condition     = var.initial_version == null ? true : var.initial_version == "$LATEST"
    error_message = "initial_version must be null or $LATEST."
  }
}
