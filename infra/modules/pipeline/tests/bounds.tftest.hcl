mock_provider "aws" {
  source = "../../tests/mocks"
}

# Each run gives every variable one bad value, since a run takes as long for one as for all.
variables {
  name                = "windrow"
  landing_bucket_name = "landing"
  region              = "eu-west-2"
  account_id          = "111122223333"
  state               = { bucket = "state", key = "windrow/terraform.tfstate" }
  oidc_provider_arn   = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  repository          = "example/windrow-stages"
  environment         = "staging"
}

run "refuses_1" {
  command = plan

  variables {
    # a name with capitals
    name = "Windrow"
    # a bucket name with capitals
    landing_bucket_name = "Landing"
    # a zone for the region
    region = "eu-west-2a"
    # an invalid account
    account_id = "1"
    # any state
    state = { bucket = "state", key = "*" }
    # any provider
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/*"
    # any repository of an owner
    repository = "example/*"
    # any environment
    environment = "*"
    # a policy's name
    deployer_policy = "windrow-deployer"
  }

  expect_failures = [var.name, var.landing_bucket_name, var.region, var.account_id, var.state, var.oidc_provider_arn, var.repository, var.environment, var.deployer_policy]
}
