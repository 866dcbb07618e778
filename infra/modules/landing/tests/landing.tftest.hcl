mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  bucket_name = "windrow-landing"
  account_id  = "111122223333"
  region      = "eu-west-2"
  queue_arn   = "arn:aws:sqs:eu-west-2:111122223333:windrow-uploads"
  uploaders   = { partner = { principal_arn = "arn:aws:iam::444455556666:role/uploader", prefix = "partner/" } }
}

run "an_uploader_can_only_put_under_its_prefix" {
  command = apply

  assert {
    condition     = [for s in local.uploader_statements : jsondecode(s).Effect] == ["Allow", "Deny", "Deny"]
    error_message = "One permission and two refusals an uploader."
  }

  assert {
    condition     = jsondecode(local.uploader_statements[0]).Action == ["s3:PutObject", "s3:AbortMultipartUpload"]
    error_message = "It may put, and clean up after itself."
  }

  assert {
    condition     = jsondecode(local.uploader_statements[0]).Resource == "arn:aws:s3:::windrow-landing/partner/*"
    error_message = "It may put under its prefix."
  }

  assert {
    condition     = jsondecode(local.uploader_statements[1]).NotAction == ["s3:PutObject", "s3:AbortMultipartUpload"]
    error_message = "All else must be refused to it: reading, listing, deleting."
  }

  assert {
    condition     = jsondecode(local.uploader_statements[2]).NotResource == "arn:aws:s3:::windrow-landing/partner/*"
    error_message = "Other prefixes must be refused to it."
  }

  assert {
    condition     = alltrue([for s in local.uploader_statements : jsondecode(s).Principal.AWS == "arn:aws:iam::444455556666:role/uploader"])
    error_message = "Each statement must name the uploader."
  }

  assert {
    condition     = !can(jsondecode(local.uploader_statements[0]).Condition)
    error_message = "Without source_cidrs any address will do."
  }
}

run "an_uploader_can_be_tied_to_addresses" {
  command = apply

  variables {
    uploaders = { partner = { principal_arn = "arn:aws:iam::444455556666:user/uploader", prefix = "partner/", source_cidrs = ["203.0.113.0/24"] } }
  }

  assert {
    condition     = jsondecode(local.uploader_statements[0]).Condition.IpAddress["aws:SourceIp"] == ["203.0.113.0/24"]
    error_message = "Other addresses must not be allowed."
  }
}

run "defaults" {
  command = apply

  assert {
    condition     = one(aws_s3_bucket_notification.this.queue).events == toset(["s3:ObjectCreated:*"])
    error_message = "Every way to create an object must be told."
  }

  assert {
    condition     = one(aws_s3_bucket_notification.this.queue).queue_arn == var.queue_arn && one(aws_s3_bucket_notification.this.queue).filter_prefix == null
    error_message = "The queue must be told of objects under any prefix."
  }

  assert {
    condition     = one(one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r if r.id == "files-to-deep-archive"]).transition).days == 7 && one(one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r if r.id == "files-to-deep-archive"]).transition).storage_class == "DEEP_ARCHIVE"
    error_message = "Files must move after 7 days."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.transition_default_minimum_object_size == "varies_by_storage_class"
    error_message = "Small files must move too."
  }

  assert {
    condition     = one(one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r if r.id == "old-versions"]).noncurrent_version_expiration).noncurrent_days == 7
    error_message = "Old versions must be cleaned up."
  }

  assert {
    condition     = one(one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r if r.id == "remains"]).abort_incomplete_multipart_upload).days_after_initiation == 1
    error_message = "Incomplete uploads must be cleaned up."
  }

  assert {
    condition     = one(one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r if r.id == "remains"]).expiration).expired_object_delete_marker
    error_message = "Lone delete markers must be cleaned up."
  }

  assert {
    condition     = length(module.archive_copies) == 0 && length(output.archive_copies) == 0
    error_message = "There must be no bucket for copies."
  }
}

run "archives_keeps_copies_and_expires_no_file_by_age" {
  command = apply

  variables {
    retention = { mode = "archives", hot_days = 10 }
  }

  assert {
    condition     = [for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.id] == ["remains"]
    error_message = "The sweep deletes what is delivered; no rule may delete what is not, replaced versions included."
  }

  assert {
    condition     = one(one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r if r.id == "remains"]).expiration).days == null || one(one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r if r.id == "remains"]).expiration).days == 0
    error_message = "Only lone delete markers may expire."
  }

  assert {
    condition     = one(one([for r in aws_s3_bucket_lifecycle_configuration.archive_copies[0].rule : r if r.id == "to-deep-archive"]).transition).storage_class == "DEEP_ARCHIVE"
    error_message = "Copies must be in Deep Archive."
  }

  assert {
    condition     = length([for r in aws_s3_bucket_lifecycle_configuration.archive_copies[0].rule : r if length(r.expiration) > 0]) == 0
    error_message = "No copy may expire."
  }

  assert {
    condition     = keys(output.archive_copies) == ["this"]
    error_message = "The bucket for copies must be made known."
  }
}
