mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  stack       = "windrow"
  name        = "windrow-auditor"
  inventory   = { bucket_name = "landing-listings" }
  landing     = { bucket_name = "landing", bucket_arn = "arn:aws:s3:::landing" }
  ledger      = { name = "windrow-ledger", arn = "arn:aws:dynamodb:eu-west-2:111122223333:table/windrow-ledger" }
  destination = { endpoint = "https://minio.example.com:9000", bucket = "archives" }
  secret_arn  = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:windrow-abcdef"

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
    condition     = module.schedule.expression == "cron(0 9 * * ? *)"
    error_message = "The audit must run once a day, when the inventory is there."
  }

  assert {
    condition     = module.schedule.retries.lambda == 1
    error_message = "A failed audit must be retried once."
  }

  assert {
    condition     = aws_s3_bucket_inventory.landing["this"].included_object_versions == "All" && toset(aws_s3_bucket_inventory.landing["this"].optional_fields) == toset(["ETag", "LastModifiedDate", "Size"]) && one(aws_s3_bucket_inventory.landing["this"].schedule).frequency == "Daily"
    error_message = "Without all versions, sizes, times and ETags an inventory is refused."
  }

  assert {
    condition     = length(aws_s3_bucket_inventory.landing["this"].filter) == 0
    error_message = "Objects that a filter excludes would be reported as orphaned."
  }

  assert {
    condition     = one(one(aws_s3_bucket_inventory.landing["this"].destination).bucket).format == "CSV" && one(one(one(one(aws_s3_bucket_inventory.landing["this"].destination).bucket).encryption).sse_kms).key_id == var.lambda.kms_key_arn
    error_message = "Lists must be CSV, encrypted with the bucket's own key."
  }

  assert {
    condition     = local.environment.WINDROW_INVENTORY == "s3://${module.inventories["this"].id}/${one(one(aws_s3_bucket_inventory.landing["this"].destination).bucket).prefix}"
    error_message = "The function must read the inventories where S3 delivers them."
  }

  assert {
    condition     = one(one(aws_s3_bucket_lifecycle_configuration.inventories["this"].rule).expiration).days == 14
    error_message = "Inventories must expire."
  }

  assert {
    condition     = alltrue(flatten([for s in jsondecode(local.policy).Statement : [for action in s.Action : !strcontains(action, "*")]]))
    error_message = "No action may contain a wildcard."
  }

  assert {
    condition     = [for s in jsondecode(local.policy).Statement : s.Resource if strcontains(s.Resource, "*")] == ["${module.inventories["this"].arn}/inventory/landing/*"]
    error_message = "Only the inventories of this one bucket may be covered by a wildcard."
  }

  assert {
    condition     = toset(flatten([for s in jsondecode(local.policy).Statement : s.Action])) == toset(["s3:GetObject", "s3:ListBucket", "kms:Decrypt", "dynamodb:BatchGetItem", "secretsmanager:GetSecretValue"])
    error_message = "It may read, but not write anything in AWS."
  }

  assert {
    condition     = !anytrue([for s in jsondecode(local.policy).Statement : startswith(s.Resource, "arn:aws:s3:::landing")])
    error_message = "With inventories it needs no permission on the landing bucket."
  }

  assert {
    condition     = one([for s in jsondecode(local.policy).Statement : s.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] if strcontains(s.Resource, ":table/")]) == ["archive#*"]
    error_message = "In the ledger only the records of archives may be read."
  }
}

run "only_what_is_announced_is_audited" {
  command = plan

  variables {
    inventory = { bucket_name = "landing-listings", prefix = "party-a/" }
  }

  assert {
    condition     = one(aws_s3_bucket_inventory.landing["this"].filter).prefix == "party-a/"
    error_message = "Objects without events would be reported as missing."
  }
}

run "it_may_list_instead" {
  command = apply

  variables {
    inventory = null
  }

  assert {
    condition     = length(aws_s3_bucket_inventory.landing) == 0 && output.inventories_bucket == null && !contains(keys(local.environment), "WINDROW_INVENTORY")
    error_message = "Nothing of inventories may be left."
  }

  assert {
    condition     = [for s in jsondecode(local.policy).Statement : s.Action if s.Resource == "arn:aws:s3:::landing"] == [["s3:ListBucketVersions"]] && length([for s in jsondecode(local.policy).Statement : s if strcontains(s.Resource, "*")]) == 0
    error_message = "The landing bucket may be listed, and nothing in it read."
  }
}
