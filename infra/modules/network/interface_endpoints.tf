locals {
  # What the functions call on each service; their roles' policies say on which resource.
  interface_actions = {
    lambda         = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]
    secretsmanager = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"]
    sqs            = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
  }
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
      Sid       = "OwnAccountOnly"
      Effect    = "Allow"
      Principal = "*" # an endpoint's policy takes nothing narrower; the condition names the account
      Action    = each.value
      # The endpoint is made before the resources; the condition keeps it to those of this account.
      Resource = "arn:aws:${each.key}:${var.region}:${var.account_id}:*"
      Condition = {
        StringEquals = { "aws:PrincipalAccount" = var.account_id }
      }
    }]
  })

  tags = { Name = "${var.name}-${each.key}" }
}
