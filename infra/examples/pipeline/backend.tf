# A separate state: the roles here apply the stages, and must not be able to change themselves.
terraform {
  backend "s3" {
    bucket       = "example-terraform-state-pipeline"
    key          = "windrow-pipeline/terraform.tfstate"
    region       = "eu-west-2"
    encrypt      = true
    use_lockfile = true
  }
}
