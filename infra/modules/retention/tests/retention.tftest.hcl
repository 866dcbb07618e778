mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  stack           = "windrow"
  name            = "windrow-retention"
  landing         = { bucket_name = "landing", bucket_arn = "arn:aws:s3:::landing" }
  copies          = { bucket_name = "landing-archives", bucket_arn = "arn:aws:s3:::landing-archives", kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/11111111-0000-0000-0000-000000000000" }
  ledger          = { name = "windrow-ledger", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/windrow-ledger" }
  ledger_ttl_days = 30
  destination     = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn      = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"

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
    condition     = module.schedule.expression == "rate(1 hour)"
    error_message = "It must sweep each hour."
  }

  assert {
    condition     = module.schedule.retries == { scheduler = 0, lambda = 0 }
    error_message = "A failed sweep must not be repeated before the next hour."
  }

  assert {
    condition     = output.environment.WINDROW_RETENTION_HOT_DAYS == "7" && output.environment.WINDROW_COPIES_BUCKET == "landing-archives" && output.environment.WINDROW_LANDING_BUCKETS == "landing" && output.environment.WINDROW_LEDGER_TABLE == "windrow-ledger" && output.environment.WINDROW_LEDGER_TTL_DAYS == "30"
    error_message = "Buckets and days must be set."
  }

  assert {
    condition     = alltrue(flatten([for s in jsondecode(local.policy).Statement : [for action in s.Action : !strcontains(action, "*")]]))
    error_message = "No action may contain a wildcard."
  }

  assert {
    condition     = toset([for s in jsondecode(local.policy).Statement : s.Resource if strcontains(s.Resource, "*")]) == toset(["arn:aws:s3:::landing/*", "arn:aws:s3:::landing-archives/*"])
    error_message = "Only the objects of the two buckets may be covered by a wildcard."
  }

  assert {
    condition     = flatten([for s in jsondecode(local.policy).Statement : s.Action if startswith(s.Resource, "arn:aws:s3:::landing/") || s.Resource == "arn:aws:s3:::landing"]) == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    error_message = "Landed versions may be deleted, which needs both actions, but not read."
  }

  assert {
    condition     = !anytrue([for s in jsondecode(local.policy).Statement : anytrue([for action in s.Action : startswith(action, "s3:Delete")]) && startswith(s.Resource, "arn:aws:s3:::landing-archives")])
    error_message = "No copy may be deleted."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s.Condition.StringEquals["kms:EncryptionContext:aws:s3:arn"] if s.Sid == "EncryptCopies"]) == "arn:aws:s3:::landing-archives"
    error_message = "The key may be used for copies only, not to decrypt landed files."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : [s.Action, s.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]] if strcontains(s.Resource, ":table/")]) == [["dynamodb:BatchGetItem", "dynamodb:PutItem"], ["archive#*"]]
    error_message = "In the ledger only the records of archives may be read and written."
  }
}

run "workers_may_sweep" {
  command = apply

  variables {
    worker_principal_arns = ["arn:aws:iam::111122223333:role/worker"]
    hot_days              = 30
  }

  assert {
    condition     = output.environment.WINDROW_RETENTION_HOT_DAYS == "30"
    error_message = "The days must follow the input."
  }

  assert {
    condition     = module.worker[0].policy == local.policy && jsondecode(module.worker[0].trust).Statement[0].Principal == { AWS = ["arn:aws:iam::111122223333:role/worker"] }
    error_message = "Servers must have their own role for the function's work."
  }
}
