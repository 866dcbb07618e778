# Existing rules, usually for the company's own domain: the company's own servers resolve on-premises names, MinIO's
# among them.
resource "aws_route53_resolver_rule_association" "this" {
  for_each = var.resolver_rule_ids

  resolver_rule_id = each.key
  vpc_id           = local.vpc_id
}
