mock_provider "aws" {
  source = "../../tests/mocks"
}

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

# Related checks share one run, since each run plans the module again.

run "defaults" {
  command = apply

  assert {
    condition     = length(aws_subnet.private) == 2 && alltrue([for s in aws_subnet.private : s.map_public_ip_on_launch != true])
    error_message = "There must be a private subnet a zone."
  }

  assert {
    condition     = aws_vpn_connection.this["first"].preshared_key_storage == "SecretsManager"
    error_message = "The tunnels' keys must not be in the state."
  }

  assert {
    condition     = aws_vpn_connection.this["first"].tunnel1_ike_versions == toset(["ikev2"]) && aws_vpn_connection.this["first"].tunnel2_ike_versions == toset(["ikev2"])
    error_message = "Old key exchanges must be refused."
  }

  assert {
    condition     = length(aws_vpn_gateway_route_propagation.private) == 1
    error_message = "Routes must come from the router."
  }

  assert {
    condition     = length(aws_ec2_transit_gateway_vpc_attachment.this) == 0
    error_message = "There must be one network path to on-premises."
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
    condition     = [for s in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : s.Sid] == ["ReadLandedFiles"] && !contains(jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement[0].Action, "s3:PutObject")
    error_message = "Landed files may be read, but not written."
  }

  assert {
    condition     = toset(jsondecode(aws_vpc_endpoint.gateway["dynamodb"].policy).Statement[0].Action) == toset(["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:PutItem"])
    error_message = "The ledger may not be searched, and nothing deleted from it."
  }

  assert {
    condition     = [for service in ["secretsmanager", "sqs"] : tolist(jsondecode(aws_vpc_endpoint.interface[service].policy).Statement[0].Resource)] == [var.interface_endpoint_resources.secretsmanager, var.interface_endpoint_resources.sqs]
    error_message = "Other secrets and queues must be out of reach."
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.interface["lambda"].policy).Statement[0].Resource == ["arn:aws:lambda:eu-west-2:111122223333:event-source-mapping:*"]
    error_message = "Nothing may connect to the functions."
  }

  assert {
    condition     = [for rule in aws_vpc_security_group_egress_rule.destination : [rule.cidr_ipv4, rule.from_port, rule.to_port]] == [["10.20.0.5/32", 9000, 9000]]
    error_message = "Only MinIO's address and port."
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

  assert {
    condition     = toset(flatten(jsondecode(aws_iam_role_policy.flow[0].policy).Statement[*].Action)) == toset(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"])
    error_message = "The actions of AWS's own policy for the role of a flow log."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.flow[0].policy).Statement : s.Action if !strcontains(jsonencode(s.Resource), aws_cloudwatch_log_group.flow[0].arn)] == [["logs:DescribeLogGroups"]]
    error_message = "All but the listing of groups is limited to its own group."
  }

  assert {
    condition     = jsondecode(aws_iam_role.flow[0].assume_role_policy).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" }, ArnLike = { "aws:SourceArn" = "arn:aws:ec2:eu-west-2:111122223333:vpc-flow-log/*" } }
    error_message = "Only flow logs of this account and region may assume the role."
  }

  assert {
    condition     = !strcontains(aws_vpc_endpoint.gateway["s3"].policy, "s3:Delete")
    error_message = "Nothing in the VPC may delete objects."
  }
}

run "a_sweep_copies_two_routers_and_the_companys_names" {
  command = apply

  variables {
    retention_sweep            = { role_arn = "arn:aws:iam::111122223333:role/windrow-retention", landing_bucket_arn = "arn:aws:s3:::landing", copies_bucket_arn = "arn:aws:s3:::landing-archives" }
    gateway_endpoint_resources = { s3 = ["arn:aws:s3:::landing"], archive_copies = ["arn:aws:s3:::landing-archives"], dynamodb = ["arn:aws:dynamodb:eu-west-2:111122223333:table/ledger"] }
    on_premises                = { site_to_site_vpn = { gateway_address = "198.51.100.7", second_gateway = { address = "203.0.113.7", asn = 65010 }, amazon_asn = 64600 } }
    resolver_rule_ids          = ["rslvr-rr-0123456789abcdef0"]
  }

  assert {
    condition = [for s in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : [s.Resource, s.Condition.StringEquals["aws:PrincipalArn"]] if s.Action == ["s3:DeleteObject", "s3:DeleteObjectVersion"]] == [
      [["arn:aws:s3:::landing/*"], "arn:aws:iam::111122223333:role/windrow-retention"]
    ]
    error_message = "Only the sweep's role may delete, only versions, only in the landing bucket."
  }

  assert {
    condition     = length([for s in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : s if anytrue([for action in s.Action : startswith(action, "s3:Delete")])]) == 1
    error_message = "No other statement may let anyone delete."
  }

  assert {
    condition     = [for s in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : [s.Action, s.Resource] if s.Sid == "KeepCopies"] == [[["s3:GetObject", "s3:ListBucket", "s3:PutObject"], ["arn:aws:s3:::landing-archives", "arn:aws:s3:::landing-archives/*"]]]
    error_message = "In their bucket, and no other."
  }

  assert {
    condition     = { for router, gateway in aws_customer_gateway.this : router => [gateway.ip_address, tostring(gateway.bgp_asn)] } == { first = ["198.51.100.7", "65000"], second = ["203.0.113.7", "65010"] }
    error_message = "Each router must be known by its address and number."
  }

  assert {
    condition     = alltrue([for router, connection in aws_vpn_connection.this : connection.customer_gateway_id == aws_customer_gateway.this[router].id && connection.vpn_gateway_id == aws_vpn_gateway.this["this"].id]) && toset(keys(output.vpn_connection_ids)) == toset(["first", "second"])
    error_message = "Each router must have a connection to the one gateway of the VPC."
  }

  assert {
    condition     = tostring(aws_vpn_gateway.this["this"].amazon_side_asn) == "64600" && length(aws_vpn_gateway_route_propagation.private) == 1
    error_message = "AWS's side must have the number that was given."
  }

  assert {
    condition     = [for rule in aws_route53_resolver_rule_association.this : [rule.resolver_rule_id, rule.vpc_id]] == [["rslvr-rr-0123456789abcdef0", aws_vpc.this[0].id]]
    error_message = "The VPC must ask the company's servers for the company's names."
  }
}

run "a_transit_gateway" {
  command = plan

  variables {
    on_premises = { transit_gateway = { id = "tgw-0123456789abcdef0" } }
  }

  assert {
    condition     = [for route in aws_route.transit_gateway : route.destination_cidr_block] == ["10.20.0.5/32"]
    error_message = "Only MinIO must be routed on-premises."
  }

  assert {
    condition     = length(aws_vpn_connection.this) == 0 && length(aws_vpn_gateway.this) == 0 && output.vpn_connection_ids == {}
    error_message = "There must be no VPN."
  }
}

run "an_existing_vpc" {
  command = plan

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
