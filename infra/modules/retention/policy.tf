locals {
  # Versions of landed files can be deleted, but not read or decrypted; copies can be created, but not deleted.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "DeleteLandedVersions"
        Effect = "Allow"
        # AWS requires both if a request deletes several versions; the first alone could only hide a file behind a delete
        # marker. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        Action = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
        # "/*" covers the objects of this one bucket: the uploaders choose their names.
        Resource = "${var.landing.bucket_arn}/*"
      },
      {
        Sid    = "MakeAndProveCopies"
        Effect = "Allow"
        Action = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        # "/*": the objects of this one bucket, which are named after their minute.
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
        # S3 needs Decrypt to assemble the parts of a large copy.
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.copies.kms_key_arn
        # The same key encrypts the landed files. With a bucket key, S3 calls KMS on behalf of the bucket.
        Condition = {
          StringEquals = {
            "kms:ViaService"                   = "s3.${var.lambda.region}.amazonaws.com"
            "kms:EncryptionContext:aws:s3:arn" = var.copies.bucket_arn
          }
        }
      },
      {
        # Raw files are deleted only if their archive's record is committed; the sweep uses nothing else of the ledger.
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
