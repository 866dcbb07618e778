provider "aws" {
  region = "eu-west-2"

  allowed_account_ids = ["111122223333"]

  default_tags {
    tags = {
      Application = "windrow-pipeline"
      ManagedBy   = "terraform"
    }
  }
}
