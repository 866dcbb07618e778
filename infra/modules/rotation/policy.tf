locals {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "RotateThisSecret"
        Effect = "Allow"
        Action = [
          "secretsmanager:GetSecretValue",
          "secretsmanager:PutSecretValue",
          "secretsmanager:UpdateSecretVersionStage",
        ]
        Resource = var.secret_arn
      },
      {
        Sid       = "EncryptAndDecryptIt"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.lambda.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.lambda.region}.amazonaws.com" } }
      },
    ]
  })
}
