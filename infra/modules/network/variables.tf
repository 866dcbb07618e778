variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.name))
    error_message = "name must be 1 to 40 lower-case letters, digits or '-', and start with a letter."
  }
}

variable "region" {
  description = "Region of the VPC."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, for example eu-west-2."
  }
}

variable "availability_zones" {
  description = "Availability zones of the private subnets, one subnet each. Not used with an existing VPC."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 4
    error_message = "availability_zones must name 2 to 4 zones, so that Windrow survives the loss of one."
  }

  validation {
    condition     = length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones must not name a zone twice."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC; must not overlap with the on-premises network. Not used with an existing VPC."
  type        = string
  default     = "10.64.0.0/22"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr))
    error_message = "vpc_cidr must be an IPv4 range, for example 10.64.0.0/22."
  }

  validation {
    condition     = try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 24, false)
    error_message = "vpc_cidr must be from /16 (the limit of AWS) to /24 (room for four subnets of 64 addresses)."
  }
}

variable "destination" {
  description = "MinIO's addresses as narrow IPv4 ranges (a /32 each, or those of its load balancer) and its TCP port."
  type = object({
    cidrs = list(string)
    port  = number
  })
  nullable = false

  validation {
    condition     = length(var.destination.cidrs) > 0 && alltrue([for cidr in var.destination.cidrs : can(cidrnetmask(cidr))])
    error_message = "destination.cidrs must contain at least one IPv4 range, for example 10.20.0.5/32."
  }

  validation {
    condition     = alltrue([for cidr in var.destination.cidrs : try(tonumber(split("/", cidr)[1]) >= 24, false)])
    error_message = "destination.cidrs must be /24 or narrower: the functions may connect to MinIO, not to the whole network around it."
  }

  validation {
    condition     = var.destination.port >= 1 && var.destination.port <= 65535
    error_message = "destination.port must be from 1 to 65535."
  }
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

  validation {
    condition     = length([for way in values(var.on_premises) : way if way != null]) == 1
    error_message = "on_premises must contain exactly one of site_to_site_vpn, transit_gateway and existing_vpc."
  }

  validation {
    condition     = var.on_premises.site_to_site_vpn == null ? true : alltrue([for address in concat([var.on_premises.site_to_site_vpn.gateway_address], var.on_premises.site_to_site_vpn.second_gateway[*].address) : can(cidrnetmask("${address}/32"))])
    error_message = "site_to_site_vpn.gateway_address and second_gateway.address must be the public IPv4 addresses of on-premises routers."
  }

  validation {
    condition     = try(var.on_premises.site_to_site_vpn.gateway_address != var.on_premises.site_to_site_vpn.second_gateway.address, true)
    error_message = "site_to_site_vpn.second_gateway must be another router than the first, to replace it if it fails."
  }

  # 2147483648 and more need another argument of the provider; 23456 is reserved for numbers of four bytes; the other four
  # are AWS's own in some regions. https://docs.aws.amazon.com/vpn/latest/s2svpn/cgw-options.html
  validation {
    condition = var.on_premises.site_to_site_vpn == null ? true : alltrue([
      for asn in concat([var.on_premises.site_to_site_vpn.gateway_asn], var.on_premises.site_to_site_vpn.second_gateway[*].asn) :
      asn >= 1 && asn <= 2147483647 && floor(asn) == asn && !contains([7224, 9059, 10124, 17943, 23456, 65535], asn)
    ])
    error_message = "site_to_site_vpn.gateway_asn and second_gateway.asn must be the routers' BGP numbers, from 1 to 2147483647 and not reserved (7224, 9059, 10124, 17943, 23456, 65535)."
  }

  validation {
    condition     = var.on_premises.site_to_site_vpn == null ? true : (var.on_premises.site_to_site_vpn.amazon_asn >= 64512 && var.on_premises.site_to_site_vpn.amazon_asn <= 65534) || (var.on_premises.site_to_site_vpn.amazon_asn >= 4200000000 && var.on_premises.site_to_site_vpn.amazon_asn <= 4294967294)
    error_message = "site_to_site_vpn.amazon_asn must be a private BGP number, from 64512 to 65534 or from 4200000000 to 4294967294."
  }

  validation {
    condition     = var.on_premises.site_to_site_vpn == null ? true : !contains(concat([var.on_premises.site_to_site_vpn.gateway_asn], var.on_premises.site_to_site_vpn.second_gateway[*].asn), var.on_premises.site_to_site_vpn.amazon_asn)
    error_message = "site_to_site_vpn.amazon_asn (64512 unless set) must differ from the routers' numbers: otherwise neither side accepts the other's routes."
  }

  validation {
    condition     = var.on_premises.transit_gateway == null ? true : can(regex("^tgw-[0-9a-f]+$", var.on_premises.transit_gateway.id))
    error_message = "transit_gateway.id must look like tgw-0123456789abcdef0."
  }

  validation {
    condition     = var.on_premises.existing_vpc == null ? true : length(var.on_premises.existing_vpc.subnet_ids) >= 2
    error_message = "existing_vpc.subnet_ids must name at least 2 subnets, in different zones."
  }

  validation {
    condition     = var.on_premises.existing_vpc == null ? true : length(setsubtract(var.on_premises.existing_vpc.gateway_endpoints, ["dynamodb", "s3"])) == 0
    error_message = "existing_vpc.gateway_endpoints may contain dynamodb and s3, the services with gateway endpoints."
  }
}

variable "resolver_rule_ids" {
  description = "Route 53 Resolver rules to associate with the VPC, so that it resolves MinIO's name. An existing VPC may already have them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.resolver_rule_ids : can(regex("^rslvr-rr-[0-9a-z]+$", id))])
    error_message = "resolver_rule_ids must contain ids of Route 53 Resolver rules, such as rslvr-rr-0123456789abcdef0."
  }
}

variable "gateway_endpoint_resources" {
  description = "ARNs that the gateway endpoints allow: buckets to read (with their objects), buckets for copies of archives, and tables. The endpoints refuse everything else."
  type = object({
    s3             = list(string)
    archive_copies = optional(list(string), [])
    dynamodb       = list(string)
  })
  nullable = false

  validation {
    condition     = length(var.gateway_endpoint_resources.s3) > 0 && alltrue([for arn in var.gateway_endpoint_resources.s3 : can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}$", arn))])
    error_message = "gateway_endpoint_resources.s3 must contain ARNs of buckets, without '*'."
  }

  validation {
    condition     = alltrue([for arn in var.gateway_endpoint_resources.archive_copies : can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}$", arn))])
    error_message = "gateway_endpoint_resources.archive_copies must contain ARNs of buckets, without '*'."
  }

  validation {
    condition     = length(var.gateway_endpoint_resources.dynamodb) > 0 && alltrue([for arn in var.gateway_endpoint_resources.dynamodb : can(regex("^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[^*]+$", arn))])
    error_message = "gateway_endpoint_resources.dynamodb must contain ARNs of tables, without '*'."
  }
}

variable "retention_sweep" {
  description = "In retention mode archives: the role of the sweep, the bucket in which it deletes versions, and the bucket that it copies archives to; otherwise null."
  type = object({
    role_arn           = string
    landing_bucket_arn = string
    copies_bucket_arn  = string
  })
  default = null

  validation {
    condition     = var.retention_sweep == null ? true : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[^*]+$", var.retention_sweep.role_arn))
    error_message = "retention_sweep.role_arn must be the ARN of one role, without '*'."
  }

  validation {
    condition     = var.retention_sweep == null ? true : alltrue([for arn in [var.retention_sweep.landing_bucket_arn, var.retention_sweep.copies_bucket_arn] : can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}$", arn))])
    error_message = "The buckets of retention_sweep must be ARNs of buckets, without '*'."
  }
}

variable "account_id" {
  description = "Account whose principals may use the endpoints."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account."
  }
}

variable "flow_log_retention_days" {
  description = "Days that the log of refused connections is kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_retention_days)
    error_message = "flow_log_retention_days must be a number of days that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the log of refused connections."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>), not of an alias."
  }
}

variable "interface_endpoint_resources" {
  description = "ARNs that the interface endpoints allow: secrets and queues. The endpoints refuse everything else."
  type = object({
    secretsmanager = list(string)
    sqs            = list(string)
  })
  nullable = false

  validation {
    condition     = length(var.interface_endpoint_resources.secretsmanager) > 0 && alltrue([for arn in var.interface_endpoint_resources.secretsmanager : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", arn))])
    error_message = "interface_endpoint_resources.secretsmanager must contain ARNs of secrets, without '*'."
  }

  validation {
    condition     = length(var.interface_endpoint_resources.sqs) > 0 && alltrue([for arn in var.interface_endpoint_resources.sqs : can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[^*]+$", arn))])
    error_message = "interface_endpoint_resources.sqs must contain ARNs of queues, without '*'."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the roles created here, for a caller that may create roles only with this boundary; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[^*]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/boundary."
  }
}
