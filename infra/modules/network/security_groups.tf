# One group for all functions: they connect to the same places, and nothing connects to them.
resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5:attached to the functions, in other modules

  name        = "${var.name}-functions"
  description = "Windrow's functions: to MinIO and the endpoints only, from nowhere"
  vpc_id      = local.vpc_id

  tags = { Name = "${var.name}-functions" }
}

resource "aws_vpc_security_group_egress_rule" "destination" {
  for_each = toset(var.destination.cidrs)

  security_group_id = aws_security_group.functions.id
  description       = "MinIO"
  ip_protocol       = "tcp"
  from_port         = var.destination.port
  to_port           = var.destination.port
  cidr_ipv4         = each.key
}

# AWS's prefix lists of S3 and DynamoDB; this traffic goes through the gateway endpoints.
data "aws_ec2_managed_prefix_list" "gateway" {
  for_each = local.own_vpc ? toset(keys(local.gateway_policies)) : var.on_premises.existing_vpc.gateway_endpoints
  name     = "com.amazonaws.${var.region}.${each.key}"
}

resource "aws_vpc_security_group_egress_rule" "gateway_endpoints" {
  for_each = data.aws_ec2_managed_prefix_list.gateway

  security_group_id = aws_security_group.functions.id
  description       = "Gateway endpoint of ${each.key}"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = each.value.id
}

resource "aws_security_group" "endpoints" {
  count = local.own_vpc ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "Interface endpoints: from Windrow's functions only"
  vpc_id      = local.vpc_id

  tags = { Name = "${var.name}-endpoints" }
}

locals {
  endpoints_group_id = local.own_vpc ? aws_security_group.endpoints[0].id : var.on_premises.existing_vpc.endpoints_security_group_id
}

resource "aws_vpc_security_group_egress_rule" "interface_endpoints" {
  security_group_id            = aws_security_group.functions.id
  description                  = "Interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = local.endpoints_group_id
}

resource "aws_vpc_security_group_ingress_rule" "from_functions" {
  security_group_id            = local.endpoints_group_id
  description                  = "Functions of ${var.name}"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.functions.id
}
