locals {
  # What is landed can be deleted version by version, but neither read nor decrypted; copies can be made, but not deleted.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "DeleteLandedVersions"
        Effect = "Allow"
        # AWS asks for both where a request deletes several versions; with the first alone it could only hide a file
        # behind a delete marker. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        Action = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
        # "/*" covers the objects of this one bucket: their names are the uploaders' to choose.
        Resource = "${var.landing.bucket_arn}/*"
      },
      {
        Sid    = "MakeAndProveCopies"
        Effect = "Allow"
        Action = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        # The objects of this one bucket, named after their minute.
        Resource = "${var.copies.bucket_arn}/*"
      },
      {
        Sid      = "ListCopies"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = var.copies.bucket_arn
      },
      {
        Sid    = "EncryptCopies"
        Effect = "Allow"
        # Decrypt is what S3 needs to put the parts of a large copy together.
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.copies.kms_key_arn
        # The same key encrypts the landed files. With a bucket key, S3 asks KMS in the name of the bucket.
        Condition = {
          StringEquals = {
            "kms:ViaService"                   = "s3.${var.lambda.region}.amazonaws.com"
            "kms:EncryptionContext:aws:s3:arn" = var.copies.bucket_arn
          }
        }
      },
      {
        # Raw files go only when their archive's record says that it is committed; nothing else of the ledger is touched.
        Sid       = "CommitArchives"
        Effect    = "Allow"
        Action    = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]
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
    ]
  })
}
