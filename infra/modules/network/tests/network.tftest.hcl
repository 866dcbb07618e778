mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                       = "windrow"
  region                     = "eu-west-2"
  account_id                 = "111122223333"
  availability_zones         = ["eu-west-2a", "eu-west-2b"]
  destination                = { cidrs = ["10.20.0.5/32"], port = 9000 }
  on_premises                = { site_to_site_vpn = { gateway_address = "198.51.100.7" } }
  gateway_endpoint_resources = { s3 = ["arn:aws:s3:::landing"], dynamodb = ["arn:aws:dynamodb:eu-west-2:111122223333:table/ledger"] }
  kms_key_arn                = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "defaults" {
  command = apply

  assert {
    condition     = length(aws_subnet.private) == 2 && alltrue([for s in aws_subnet.private : s.map_public_ip_on_launch != true])
    error_message = "There must be a private subnet a zone."
  }

  assert {
    condition     = aws_vpn_connection.this["this"].preshared_key_storage == "SecretsManager"
    error_message = "The tunnels' keys must not be in the state."
  }

  assert {
    condition     = aws_vpn_connection.this["this"].tunnel1_ike_versions == toset(["ikev2"]) && aws_vpn_connection.this["this"].tunnel2_ike_versions == toset(["ikev2"])
    error_message = "Old key exchanges must be refused."
  }

  assert {
    condition     = length(aws_vpn_gateway_route_propagation.private) == 1
    error_message = "Routes must come from the router."
  }

  assert {
    condition     = length(aws_ec2_transit_gateway_vpc_attachment.this) == 0
    error_message = "There must be one way on-premises."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.gateway)) == toset(["s3", "dynamodb"])
    error_message = "S3 and DynamoDB must have gateway endpoints."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["lambda", "secretsmanager", "sqs"])
    error_message = "Lambda, Secrets Manager and SQS must have interface endpoints."
  }

  assert {
    condition     = alltrue([for e in aws_vpc_endpoint.interface : e.private_dns_enabled && length(e.subnet_ids) == 2])
    error_message = "Each zone must have one, under the usual name."
  }

  assert {
    condition     = alltrue([for e in merge(aws_vpc_endpoint.interface, aws_vpc_endpoint.gateway) : alltrue([for s in jsondecode(e.policy).Statement : s.Condition.StringEquals["aws:PrincipalAccount"] == "111122223333"])])
    error_message = "Only this account's principals may use the endpoints."
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement[0].Resource == ["arn:aws:s3:::landing", "arn:aws:s3:::landing/*"]
    error_message = "Other buckets must be out of reach."
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_egress_rule.destination : [rule.cidr_ipv4, rule.from_port, rule.to_port]] == [["10.20.0.5/32", 9000, 9000]]
    error_message = "MinIO's address and port, and nothing around it."
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.gateway_endpoints) == 2 && alltrue([for rule in aws_vpc_security_group_egress_rule.gateway_endpoints : rule.from_port == 443 && rule.prefix_list_id != null])
    error_message = "S3 and DynamoDB by their prefix lists, port 443."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.interface_endpoints.referenced_security_group_id == aws_security_group.endpoints[0].id
    error_message = "The interface endpoints by their group."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.from_functions.security_group_id == aws_security_group.endpoints[0].id
    error_message = "Nothing may connect to the functions; they may connect to the endpoints."
  }

  assert {
    condition     = aws_flow_log.refused[0].traffic_type == "REJECT"
    error_message = "Refused connections must be logged."
  }
}

run "without_a_sweep_nothing_deletes" {
  command = apply

  assert {
    condition     = !strcontains(aws_vpc_endpoint.gateway["s3"].policy, "s3:Delete")
    error_message = "Nothing in the VPC may delete objects."
  }
}

run "the_sweep_alone_deletes_landed_versions" {
  command = apply

  variables {
    retention_sweep = { role_arn = "arn:aws:iam::111122223333:role/windrow-retention", landing_bucket_arn = "arn:aws:s3:::landing", copies_bucket_arn = "arn:aws:s3:::landing-archives" }
  }

  assert {
    condition = [for s in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : [s.Resource, s.Condition.StringEquals["aws:PrincipalArn"]] if s.Action == ["s3:DeleteObjectVersion"]] == [
      [["arn:aws:s3:::landing/*"], "arn:aws:iam::111122223333:role/windrow-retention"]
    ]
    error_message = "Only the sweep's role may delete, only versions, only in the landing bucket."
  }

  assert {
    condition     = length([for s in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : s if anytrue([for action in s.Action : startswith(action, "s3:Delete")])]) == 1
    error_message = "No other statement may let anyone delete."
  }
}

run "a_transit_gateway" {
  command = apply

  variables {
    on_premises = { transit_gateway = { id = "tgw-0123456789abcdef0" } }
  }

  assert {
    condition     = [for route in aws_route.transit_gateway : route.destination_cidr_block] == ["10.20.0.5/32"]
    error_message = "Only MinIO must be routed on-premises."
  }

  assert {
    condition     = length(aws_vpn_connection.this) == 0 && output.vpn_connection_id == null
    error_message = "There must be no VPN."
  }
}

run "an_existing_vpc" {
  command = apply

  variables {
    on_premises = { existing_vpc = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], endpoints_security_group_id = "sg-9" } }
  }

  assert {
    condition     = length(aws_vpc.this) == 0 && length(aws_vpc_endpoint.interface) == 0 && length(aws_vpc_endpoint.gateway) == 0 && length(aws_flow_log.refused) == 0
    error_message = "Nothing but security groups may be made."
  }

  assert {
    condition     = output.subnet_ids == tolist(["subnet-1", "subnet-2"]) && output.vpc_id == "vpc-1"
    error_message = "The given network must be used."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.interface_endpoints.referenced_security_group_id == "sg-9"
    error_message = "The given endpoints must be reachable."
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.gateway_endpoints) == 2
    error_message = "So must those of S3 and DynamoDB."
  }
}
