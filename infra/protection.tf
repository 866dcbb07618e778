# The data tier: buckets, their keys, the ledger, the secret. Terraform can't delete a bucket that holds files, and before it finds
# that out it takes off what hangs on the bucket: policy, public access block, versioning. Hence two bars.
#
# 1. A plan that would destroy or replace any of it fails as a whole, before anything is touched. How to take
#    everything down nevertheless: docs/deploy.md, "Back out".
resource "terraform_data" "files_are_kept" {
  count = var.disposable ? 0 : 1

  triggers_replace = [
    module.landing.bucket_arn,
    module.landing.kms_key_arn,
    values(module.landing.archive_copies)[*].bucket_arn,
    module.ledger.arn,
    module.key.arn,
  ]

  lifecycle {
    prevent_destroy = true
  }
}

# 2. Without it (whoever takes it out of the state, and forgets `disposable`), the ledger goes first, which DynamoDB
#    refuses while it is protected, and what it depends on stays: see module.ledger.
