locals {
  vpn = var.on_premises.site_to_site_vpn == null ? {} : { this = var.on_premises.site_to_site_vpn }
}

resource "aws_customer_gateway" "this" {
  for_each = local.vpn

  type       = "ipsec.1"
  ip_address = each.value.gateway_address
  bgp_asn    = each.value.gateway_asn

  tags = { Name = "${var.name}-on-premises" }
}

resource "aws_vpn_gateway" "this" {
  for_each = local.vpn
  vpc_id   = aws_vpc.this[0].id

  tags = { Name = var.name }
}

resource "aws_vpn_connection" "this" {
  for_each = local.vpn

  type                = "ipsec.1"
  customer_gateway_id = aws_customer_gateway.this[each.key].id
  vpn_gateway_id      = aws_vpn_gateway.this[each.key].id

  # AWS makes the tunnels' keys and keeps them in Secrets Manager; otherwise they would be in Terraform's state.
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

  tags = { Name = "${var.name}-on-premises" }
}

# The router announces MinIO's network by BGP.
resource "aws_vpn_gateway_route_propagation" "private" {
  for_each = local.vpn

  vpn_gateway_id = aws_vpn_gateway.this[each.key].id
  route_table_id = aws_route_table.private[0].id
}
