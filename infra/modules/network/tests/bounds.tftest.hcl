mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name                         = "windrow"
  region                       = "eu-west-2"
  account_id                   = "111122223333"
  availability_zones           = ["eu-west-2a", "eu-west-2b"]
  destination                  = { cidrs = ["10.20.0.5/32"], port = 9000 }
  on_premises                  = { site_to_site_vpn = { gateway_address = "198.51.100.7" } }
  gateway_endpoint_resources   = { s3 = ["arn:aws:s3:::landing"], dynamodb = ["arn:aws:dynamodb:eu-west-2:111122223333:table/ledger"] }
  interface_endpoint_resources = { secretsmanager = ["arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"], sqs = ["arn:aws:sqs:eu-west-2:111122223333:q", "arn:aws:sqs:eu-west-2:111122223333:q-dlq"] }
  kms_key_arn                  = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "refuses_1" {
  command = plan

  variables {
    # one zone
    availability_zones = ["eu-west-2a"]
    # a small vpc
    vpc_cidr = "10.0.0.0/25"
    # a wide destination
    destination = { cidrs = ["10.0.0.0/8"], port = 9000 }
    # no way on premises
    on_premises = {}
    # any bucket
    gateway_endpoint_resources = { s3 = ["arn:aws:s3:::*"], dynamodb = ["arn:aws:dynamodb:eu-west-2:111122223333:table/ledger"] }
    # an odd log retention
    flow_log_retention_days = 31
    # a sweep by any role
    retention_sweep = { role_arn = "arn:aws:iam::111122223333:role/*", landing_bucket_arn = "arn:aws:s3:::landing", copies_bucket_arn = "arn:aws:s3:::copies" }
    # a name with capitals
    name = "Windrow"
    # an invalid region
    region = "London"
    # an invalid account
    account_id = "12345"
    # an alias for the key
    kms_key_arn = "alias/windrow"
    # a role as the boundary
    permissions_boundary_arn = "arn:aws:iam::111122223333:role/boundary"
    # an invalid rule
    resolver_rule_ids = ["vpc-1"]
    # any secret
    interface_endpoint_resources = { secretsmanager = ["arn:aws:secretsmanager:eu-west-2:111122223333:secret:*"], sqs = ["arn:aws:sqs:eu-west-2:111122223333:q"] }
  }

  expect_failures = [var.availability_zones, var.vpc_cidr, var.destination, var.on_premises, var.gateway_endpoint_resources, var.flow_log_retention_days, var.retention_sweep, var.name, var.region, var.account_id, var.kms_key_arn, var.interface_endpoint_resources, var.resolver_rule_ids, var.permissions_boundary_arn]
}

run "refuses_2" {
  command = plan

  variables {
    # a zone twice
    availability_zones = ["eu-west-2a", "eu-west-2a"]
    # an invalid vpc
    vpc_cidr = "10.0.0.300/22"
    # no destination
    destination = { cidrs = [], port = 9000 }
    # two network paths to on-premises
    on_premises = { site_to_site_vpn = { gateway_address = "198.51.100.7" }, transit_gateway = { id = "tgw-0123456789abcdef0" } }
    # any table
    gateway_endpoint_resources = { s3 = ["arn:aws:s3:::landing"], dynamodb = ["arn:aws:dynamodb:eu-west-2:111122223333:table/*"] }
    # a sweep of any bucket
    retention_sweep = { role_arn = "arn:aws:iam::111122223333:role/r", landing_bucket_arn = "arn:aws:s3:::*", copies_bucket_arn = "arn:aws:s3:::copies" }
    # any queue
    interface_endpoint_resources = { secretsmanager = ["arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"], sqs = ["arn:aws:sqs:eu-west-2:111122223333:*"] }
  }

  expect_failures = [var.availability_zones, var.vpc_cidr, var.destination, var.on_premises, var.gateway_endpoint_resources, var.retention_sweep, var.interface_endpoint_resources]
}

run "refuses_3" {
  command = plan

  variables {
    # an invalid port
    destination = { cidrs = ["10.20.0.5/32"], port = 0 }
    # copies anywhere
    gateway_endpoint_resources = { s3 = ["arn:aws:s3:::landing"], archive_copies = ["arn:aws:s3:::*"], dynamodb = ["arn:aws:dynamodb:eu-west-2:111122223333:table/ledger"] }
    # an invalid router
    on_premises = { site_to_site_vpn = { gateway_address = "router.example.com" } }
  }

  expect_failures = [var.destination, var.gateway_endpoint_resources, var.on_premises]
}

run "refuses_4" {
  command = plan

  variables {
    # an invalid bgp number
    on_premises = { site_to_site_vpn = { gateway_address = "198.51.100.7", gateway_asn = 0 } }
  }

  expect_failures = [var.on_premises]
}

run "refuses_5" {
  command = plan

  variables {
    # an invalid transit gateway
    on_premises = { transit_gateway = { id = "vpc-1" } }
  }

  expect_failures = [var.on_premises]
}

run "refuses_6" {
  command = plan

  variables {
    # one existing subnet
    on_premises = { existing_vpc = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], endpoints_security_group_id = "sg-9" } }
  }

  expect_failures = [var.on_premises]
}

run "refuses_7" {
  command = plan

  variables {
    # an unknown gateway endpoint
    on_premises = { existing_vpc = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], endpoints_security_group_id = "sg-9", gateway_endpoints = ["sqs"] } }
  }

  expect_failures = [var.on_premises]
}

run "refuses_8" {
  command = plan

  variables {
    # the same router twice
    on_premises = { site_to_site_vpn = { gateway_address = "198.51.100.7", second_gateway = { address = "198.51.100.7" } } }
  }

  expect_failures = [var.on_premises]
}

run "refuses_9" {
  command = plan

  variables {
    # a public bgp number for AWS's side
    on_premises = { site_to_site_vpn = { gateway_address = "198.51.100.7", amazon_asn = 1 } }
  }

  expect_failures = [var.on_premises]
}

run "refuses_10" {
  command = plan

  variables {
    # a bgp number that AWS's side has too
    on_premises = { site_to_site_vpn = { gateway_address = "198.51.100.7", second_gateway = { address = "198.51.100.8", asn = 64512 } } }
  }

  expect_failures = [var.on_premises]
}

run "refuses_11" {
  command = plan

  variables {
    # a bgp number that AWS keeps for itself
    on_premises = { site_to_site_vpn = { gateway_address = "198.51.100.7", gateway_asn = 7224 } }
  }

  expect_failures = [var.on_premises]
}
