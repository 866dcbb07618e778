# The data: buckets, their keys, the ledger, the secret. Terraform can't delete a bucket that holds files, but before it
# finds that out it removes the bucket's policy, public access block and versioning. Hence two guards.
#
# 1. A plan that would destroy or replace any of it fails as a whole, before anything is changed. To destroy
#    everything nevertheless: docs/deploy.md, "Back out".
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

# 2. If this guard was removed from the state without applying `disposable`, a destroy begins with the ledger. DynamoDB
#    refuses to delete it while it is protected, so everything that it depends on stays: see module.ledger.
