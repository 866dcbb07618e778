mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "windrow-test"
  kms_key_arn = "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "defaults" {
  command = apply

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versions must be kept."
  }

  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs must be off."
  }

  assert {
    condition     = alltrue([aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy, aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets])
    error_message = "All four public access blocks must be on."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled
    error_message = "A bucket key must keep the number of KMS requests down."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    error_message = "Objects must be encrypted with the given key."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "A bucket with objects must not be destroyed."
  }

  assert {
    condition     = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "TlsOnly"]).Effect == "Deny" && one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "TlsOnly"]).Principal == "*" && one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "TlsOnly"]).Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "Plain HTTP must be refused to everyone."
  }

  assert {
    condition     = length(keys(one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "TlsOnly"]).Condition)) == 1
    error_message = "Nobody may be excepted from TLS."
  }

  assert {
    condition     = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "Tls12OrNewer"]).Condition.NumericLessThan["s3:TlsVersion"] == "1.2"
    error_message = "TLS before 1.2 must be refused."
  }

  assert {
    condition     = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "NoOtherKey"]).Condition.StringNotEquals["s3:x-amz-server-side-encryption-aws-kms-key-id"] == "arn:aws:kms:eu-west-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    error_message = "Another key must be refused."
  }

  assert {
    condition     = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "NoKeyOfTheCallersAccount"]).Condition == { StringEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }, Null = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "true" } }
    error_message = "aws:kms without a key must be refused: S3 would use the key aws/s3 of the caller's account."
  }

  assert {
    condition     = length(aws_s3_bucket_policy.this.policy) <= 3072 - 63 * 2 * length(jsondecode(aws_s3_bucket_policy.this.policy).Statement) + length(var.name) * 2 * length(jsondecode(aws_s3_bucket_policy.this.policy).Statement)
    error_message = "The Deny statements must fit into the space reserved for them, even with the longest name."
  }

  assert {
    condition     = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "NoKeyOfTheCaller"]).Condition == { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
    error_message = "A key of the caller (SSE-C) must be refused: nobody else could read the object."
  }

  assert {
    condition     = !anytrue([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : can(s.Condition.StringEquals["s3:x-amz-storage-class"])])
    error_message = "Any storage class will do: copies of archives are put into Deep Archive."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Effect == "Deny"])
    error_message = "Without statements the policy must allow nothing."
  }
}

run "only_loopback_may_do_without_tls" {
  command = apply

  variables {
    plaintext_loopback_cidrs = ["127.0.0.0/8"]
  }

  assert {
    condition     = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "TlsOnly"]).Condition.NotIpAddress["aws:SourceIp"] == ["127.0.0.0/8"]
    error_message = "The exception must be limited to loopback."
  }
}

run "statements_must_fit_into_a_policy" {
  command = plan

  variables {
    statements = [for number in range(70) : jsonencode({ Sid = "S${number}", Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "arn:aws:s3:::windrow-test/${join("", [for _ in range(200) : "x"])}" })]
  }

  expect_failures = [aws_s3_bucket_policy.this]
}
