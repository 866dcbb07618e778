provider "aws" {
  region = "eu-west-2"

  # So that a plan in the wrong account fails, instead of planning a second stack.
  allowed_account_ids = ["111122223333"]

  default_tags {
    tags = {
      Application = "windrow"
      Stage       = "staging"
      ManagedBy   = "terraform"
    }
  }
}
