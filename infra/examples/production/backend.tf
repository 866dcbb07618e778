# The bucket must exist: see docs/deploy.md. The lock is S3's own (a lock file next to the state), without a table.
terraform {
  backend "s3" {
    bucket       = "example-terraform-state-production"
    key          = "windrow/terraform.tfstate"
    region       = "eu-west-2"
    encrypt      = true
    use_lockfile = true
  }
}
