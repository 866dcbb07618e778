locals {
  # An existing VPC has its own subnets, routes and endpoints; only security groups are added to it.
  own_vpc = var.on_premises.existing_vpc == null
  zones   = local.own_vpc ? { for index, zone in var.availability_zones : zone => index } : {}

  vpc_id     = local.own_vpc ? aws_vpc.this[0].id : var.on_premises.existing_vpc.vpc_id
  subnet_ids = local.own_vpc ? [for zone in var.availability_zones : aws_subnet.private[zone].id] : var.on_premises.existing_vpc.subnet_ids
}

# No internet gateway and no NAT gateway: only endpoints and on-premises addresses can be reached.
resource "aws_vpc" "this" {
  count = local.own_vpc ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # the endpoints' private names need it

  tags = { Name = var.name }
}

# Removes all rules from the default security group of the VPC.
resource "aws_default_security_group" "this" {
  count  = local.own_vpc ? 1 : 0
  vpc_id = aws_vpc.this[0].id

  tags = { Name = "${var.name}-unused" }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.vpc_cidr, 2, each.value)

  tags = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route_table" "private" {
  count  = local.own_vpc ? 1 : 0
  vpc_id = aws_vpc.this[0].id

  tags = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = local.zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[0].id
}
