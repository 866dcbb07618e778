locals {
  site_to_site_vpn = [for way in [var.on_premises.site_to_site_vpn] : way if way != null]
  # One gateway for all connections.
  vpn_gateway = { for way in local.site_to_site_vpn : "this" => way }
  # A connection has two tunnels to the same router; a second router replaces the first if it fails.
  routers = merge([for way in local.site_to_site_vpn : merge(
    { first = { address = way.gateway_address, asn = way.gateway_asn } },
    { for second in way.second_gateway[*] : "second" => second },
  )]...)
  names = { first = "${var.name}-on-premises", second = "${var.name}-on-premises-second" }
}

resource "aws_customer_gateway" "this" {
  for_each = local.routers

  type       = "ipsec.1"
  ip_address = each.value.address
  bgp_asn    = each.value.asn

  tags = { Name = local.names[each.key] }
}

resource "aws_vpn_gateway" "this" {
  for_each = local.vpn_gateway
  vpc_id   = aws_vpc.this[0].id

  amazon_side_asn = each.value.amazon_asn

  tags = { Name = var.name }
}

resource "aws_vpn_connection" "this" {
  for_each = local.routers

  type                = "ipsec.1"
  customer_gateway_id = aws_customer_gateway.this[each.key].id
  vpn_gateway_id      = aws_vpn_gateway.this["this"].id

  # AWS creates the tunnels' keys and stores them in Secrets Manager; otherwise they would be in Terraform's state.
  preshared_key_storage = "SecretsManager"

  tunnel1_ike_versions                 = ["ikev2"]
  tunnel1_phase1_encryption_algorithms = ["AES256-GCM-16"]
  tunnel1_phase2_encryption_algorithms = ["AES256-GCM-16"]
  tunnel1_phase1_integrity_algorithms  = ["SHA2-384"]
  tunnel1_phase2_integrity_algorithms  = ["SHA2-384"]
  tunnel1_phase1_dh_group_numbers      = [20]
  tunnel1_phase2_dh_group_numbers      = [20]

  tunnel2_ike_versions                 = ["ikev2"]
  tunnel2_phase1_encryption_algorithms = ["AES256-GCM-16"]
  tunnel2_phase2_encryption_algorithms = ["AES256-GCM-16"]
  tunnel2_phase1_integrity_algorithms  = ["SHA2-384"]
  tunnel2_phase2_integrity_algorithms  = ["SHA2-384"]
  tunnel2_phase1_dh_group_numbers      = [20]
  tunnel2_phase2_dh_group_numbers      = [20]

  tags = { Name = local.names[each.key] }
}

# The routers announce MinIO's network by BGP.
resource "aws_vpn_gateway_route_propagation" "private" {
  for_each = local.vpn_gateway

  vpn_gateway_id = aws_vpn_gateway.this[each.key].id
  route_table_id = aws_route_table.private[0].id
}
