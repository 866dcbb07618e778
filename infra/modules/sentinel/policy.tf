locals {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SwitchTheMapping"
        Effect   = "Allow"
        Action   = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]
        Resource = var.event_source_mapping.arn
      },
      {
        Sid      = "KeepTheCircuitsState"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
        Resource = var.ledger.arn
        # The one item of windrow.clients.dynamodb.circuits: the sentinel can't change claims and deliveries.
        Condition = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = ["circuit#${var.event_source_mapping.uuid}"] } }
      },
      {
        Sid      = "ReadHowDeliveriesEnd"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem"]
        Resource = var.ledger.arn
        # The two items of windrow.clients.dynamodb.delivery_health, which workers write.
        Condition = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = ["deliveries#failed", "deliveries#delivered"] } }
      },
      {
        Sid      = "ReadCredentials"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = var.secret_arn
      },
      {
        Sid      = "DecryptLedgerAndSecret"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = var.lambda.kms_key_arn
        Condition = {
          StringEquals = {
            "kms:ViaService" = ["dynamodb.${var.lambda.region}.amazonaws.com", "secretsmanager.${var.lambda.region}.amazonaws.com"]
          }
        }
      },
    ]
  })
}
