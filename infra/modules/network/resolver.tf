# Rules that others made, usually for the company's own domain: names of the network on-premises, MinIO's among them,
# are asked of its own servers.
resource "aws_route53_resolver_rule_association" "this" {
  for_each = var.resolver_rule_ids

  resolver_rule_id = each.key
  vpc_id           = local.vpc_id
}
