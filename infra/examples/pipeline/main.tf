# For GitHub's tokens. An account has one such provider; if it exists already, use terraform import.
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

# One module call for each stage, in the stage's account; names and state as in examples/staging.
module "staging" {
  source = "../../modules/pipeline"

  name                = "windrow-staging"
  landing_bucket_name = "example-windrow-landing-staging"
  region              = "eu-west-2"
  account_id          = "111122223333"
  state               = { bucket = "example-terraform-state-staging", key = "windrow/terraform.tfstate" }
  oidc_provider_arn   = aws_iam_openid_connect_provider.github.arn
  repository          = "example/windrow-stages"
  environment         = "staging"
  deployer_policy     = var.deployer_policy
}
