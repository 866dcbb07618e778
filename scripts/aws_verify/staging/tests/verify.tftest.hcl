# Without AWS: the example holds together as the verification changes it.
mock_provider "aws" {
  source = "../../tests/mocks"
}

run "what_is_verified_is_the_example_with_a_second_bucket" {
  command = plan

  variables {
    name                 = "windrow-0123abcd"
    account_id           = "111122223333"
    destination_endpoint = "https://s3.eu-west-2.amazonaws.com"
    destination_bucket   = "windrow-0123abcd-archives"
    zip_path             = "../../tests/fixtures/function.zip"
    rotation_days        = null
  }

  assert {
    condition     = output.function_name == "windrow-0123abcd-aggregator"
    error_message = "Names must begin with the run's."
  }

  assert {
    condition     = output.environment.WINDROW_DESTINATION_REGION == "eu-west-2"
    error_message = "S3 must sign for its own region."
  }

  assert {
    condition     = length(output.vpn_connection_ids) == 1
    error_message = "The VPN is the example's."
  }
}
