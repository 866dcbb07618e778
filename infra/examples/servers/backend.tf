# The bucket exists already: see docs/deploy.md. Locking is S3's own (a lock file beside the state), without a table.
terraform {
  backend "s3" {
    bucket       = "example-terraform-state-staging"
    key          = "windrow-servers/terraform.tfstate"
    region       = "eu-west-2"
    encrypt      = true
    use_lockfile = true
  }
}
