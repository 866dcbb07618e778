mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  stack                = "windrow"
  name                 = "windrow-sentinel"
  event_source_mapping = { uuid = "u", arn = "arn:aws:lambda:eu-west-2:111122223333:event-source-mapping:u" }
  ledger               = { name = "ledger", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/ledger" }
  destination          = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn           = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"

  lambda = {
    zip_path           = "../../tests/fixtures/function.zip"
    subnet_ids         = ["subnet-1", "subnet-2"]
    security_group_ids = ["sg-1"]
    kms_key_arn        = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    region             = "eu-west-2"
    account_id         = "111122223333"
  }
}

run "defaults" {
  command = apply

  assert {
    condition     = module.schedule.expression == "rate(1 minute)"
    error_message = "It must probe each minute."
  }

  assert {
    condition     = module.schedule.retries == { scheduler = 0, lambda = 0 } && module.schedule.event_age_s == 60
    error_message = "A probe that failed or could not be started must not be repeated late."
  }

  assert {
    condition     = alltrue(flatten([for s in jsondecode(local.policy).Statement : [for action in s.Action : !strcontains(action, "*")]]))
    error_message = "No action may contain a wildcard."
  }

  assert {
    condition     = !anytrue([for s in jsondecode(local.policy).Statement : strcontains(s.Resource, "*")])
    error_message = "No resource may contain a wildcard."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s if s.Sid == "ReadHowDeliveriesEnd"]).Action == ["dynamodb:GetItem"] && one([for s in jsondecode(local.policy).Statement : s if s.Sid == "ReadHowDeliveriesEnd"]).Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] == ["deliveries#failed", "deliveries#delivered"]
    error_message = "It may read the results of deliveries, but not change them."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s.Resource if s.Sid == "SwitchTheMapping"]) == var.event_source_mapping.arn
    error_message = "It may enable and disable this mapping only."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s if s.Sid == "KeepTheCircuitsState"]).Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] == ["circuit#u"] && one([for s in jsondecode(local.policy).Statement : s if s.Sid == "KeepTheCircuitsState"]).Action == ["dynamodb:GetItem", "dynamodb:PutItem"]
    error_message = "In the ledger it may read and write its own item only."
  }
}
