locals {
  transit_gateway_id = one([for way in [var.on_premises.transit_gateway] : way.id if way != null])
}

resource "aws_ec2_transit_gateway_vpc_attachment" "this" {
  count = local.transit_gateway_id == null ? 0 : 1

  transit_gateway_id = local.transit_gateway_id
  vpc_id             = aws_vpc.this[0].id
  subnet_ids         = local.subnet_ids

  tags = { Name = var.name }
}

# Only to MinIO; the gateway's own route tables belong to the network team. Terraform treats an attachment that waits to be
# accepted as created, but AWS refuses a route until then: after five minutes the apply fails here, and the next continues.
# https://github.com/hashicorp/terraform-provider-aws/issues/10025
resource "aws_route" "transit_gateway" {
  for_each = local.transit_gateway_id == null ? [] : toset(var.destination.cidrs)

  route_table_id         = aws_route_table.private[0].id
  destination_cidr_block = each.key
  transit_gateway_id     = local.transit_gateway_id

  depends_on = [aws_ec2_transit_gateway_vpc_attachment.this]
}
