locals {
  # Arrived files are known from listings or inventories: their contents can be neither read nor deleted.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      var.inventory == null ? [{
        Sid      = "ListLandedVersions"
        Effect   = "Allow"
        Action   = ["s3:ListBucketVersions"]
        Resource = var.landing.bucket_arn
      }] : [],
      flatten([for inventory in values(module.inventories) : [
        {
          Sid    = "ReadInventories"
          Effect = "Allow"
          Action = ["s3:GetObject"]
          # "/*": S3 chooses the names of the lists.
          Resource = "${inventory.arn}/${local.inventory_prefix}/${var.landing.bucket_name}/*"
        },
        {
          Sid      = "FindInventories"
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = inventory.arn
        },
        {
          Sid      = "DecryptInventories"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = var.lambda.kms_key_arn
          # With a bucket key, S3 calls KMS on behalf of the bucket; for inventories it does not promise to use one.
          Condition = {
            StringEquals = { "kms:ViaService" = "s3.${var.lambda.region}.amazonaws.com" }
            StringLike   = { "kms:EncryptionContext:aws:s3:arn" = [inventory.arn, "${inventory.arn}/*"] } # "/*": its objects
          }
        },
      ]]),
      [
        {
          # Only whether an archive is condemned, not claims and deliveries.
          Sid       = "ReadRecordsOfArchives"
          Effect    = "Allow"
          Action    = ["dynamodb:BatchGetItem"]
          Resource  = var.ledger.arn
          Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["archive#*"] } }
        },
        {
          Sid      = "ReadCredentials"
          Effect   = "Allow"
          Action   = ["secretsmanager:GetSecretValue"]
          Resource = var.secret_arn
        },
        {
          Sid      = "DecryptSecretAndLedger"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = var.lambda.kms_key_arn
          Condition = {
            StringEquals = {
              "kms:ViaService" = ["dynamodb.${var.lambda.region}.amazonaws.com", "secretsmanager.${var.lambda.region}.amazonaws.com"]
            }
          }
        },
      ],
    )
  })
}
