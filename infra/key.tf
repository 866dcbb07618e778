# The key of everything but the landed files: ledger, secret, logs, notifications. Its policy names no external party.
module "key" {
  source = "./modules/key"

  name                 = var.name
  description          = "Encrypts the ledger, the secret, logs and notifications of ${var.name}."
  account_id           = local.account_id
  deletion_window_days = var.disposable ? 7 : 30

  # With an S3 Inventory, S3 encrypts the lists that it delivers.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/configure-inventory.html#configure-inventory-kms-key-policy
  grants = concat([for arn in local.listings_arns : {
    sid        = "Inventories"
    principals = { type = "Service", identifiers = ["s3.amazonaws.com"] }
    actions    = ["kms:GenerateDataKey"]
    conditions = [
      { test = "StringEquals", variable = "aws:SourceAccount", values = [local.account_id] },
      { test = "ArnLike", variable = "aws:SourceArn", values = [local.landing_bucket_arn] },
    ]
    }], [
    {
      sid        = "Logs"
      principals = { type = "Service", identifiers = ["logs.${local.region}.amazonaws.com"] }
      actions = [
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ]
      conditions = [{
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:logs:arn"
        # "*": all log groups with this stack's prefix; the key must exist before them.
        values = [
          "arn:${data.aws_partition.current.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/lambda/${var.name}-*",
          "arn:${data.aws_partition.current.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/vpc/${var.name}-*",
        ]
      }]
    },
    {
      sid        = "Alarms"
      principals = { type = "Service", identifiers = ["cloudwatch.amazonaws.com"] }
      actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
      # "*": all alarms with this stack's prefix.
      conditions = [
        { test = "StringEquals", variable = "aws:SourceAccount", values = [local.account_id] },
        { test = "ArnLike", variable = "aws:SourceArn", values = ["arn:${data.aws_partition.current.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${var.name}-*"] },
      ]
    },
  ])
}
