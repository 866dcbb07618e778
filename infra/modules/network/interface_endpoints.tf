locals {
  # The actions that the functions call on each service; their roles' policies say which function may call which.
  interface_actions = {
    lambda         = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]
    secretsmanager = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"]
    sqs            = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
  }

  interface_resources = merge(var.interface_endpoint_resources, {
    # "*": Lambda chooses the id of a mapping, and the mapping needs the function, which needs this network. The
    # sentinel's own policy names the one mapping.
    lambda = ["arn:${data.aws_partition.current.partition}:lambda:${var.region}:${var.account_id}:event-source-mapping:*"]
  })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.own_vpc ? local.interface_actions : {}

  vpc_id              = aws_vpc.this[0].id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = local.subnet_ids
  security_group_ids  = [aws_security_group.endpoints[0].id]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OwnResourcesOnly"
      Effect    = "Allow"
      Principal = "*" # an endpoint's policy takes nothing narrower; the condition names the account
      Action    = each.value
      Resource  = local.interface_resources[each.key]
      Condition = {
        StringEquals = { "aws:PrincipalAccount" = var.account_id }
      }
    }]
  })

  tags = { Name = "${var.name}-${each.key}" }
}
