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
  command = plan

  assert {
    condition     = [for s in local.statements : jsondecode(s).Sid if jsondecode(s).Effect == "Allow"] == [local.allow_upload["partner"].Sid]
    error_message = "One permission an uploader, and no other."
  }

  assert {
    condition     = local.allow_upload["partner"].Principal.AWS == "arn:aws:iam::444455556666:role/uploader" && local.allow_upload["partner"].Resource == "arn:aws:s3:::windrow-landing/partner/*"
    error_message = "It may put under its prefix."
  }

  assert {
    condition     = local.allow_upload["partner"].Action == ["s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectAcl"]
    error_message = "It may put, clean up after itself, and say bucket-owner-full-control; tags are refused."
  }

  assert {
    condition     = one([for s in local.statements : jsondecode(s) if jsondecode(s).Sid == "UploadsOnly"]) == { Sid = "UploadsOnly", Effect = "Deny", Principal = { AWS = ["arn:aws:iam::444455556666:role/uploader"] }, NotAction = local.upload_actions, Resource = ["arn:aws:s3:::windrow-landing", "arn:aws:s3:::windrow-landing/*"] }
    error_message = "Everything else must be refused: reading, listing, deleting."
  }

  assert {
    condition     = one([for s in local.statements : jsondecode(s).Condition if jsondecode(s).Sid == "NoArchivedUploads"]) == { StringEquals = { "s3:x-amz-storage-class" = ["DEEP_ARCHIVE", "GLACIER"] } }
    error_message = "Objects that can't be read at once must be refused."
  }

  assert {
    condition     = one([for s in local.statements : [jsondecode(s).Action, jsondecode(s).Condition] if jsondecode(s).Sid == "NoOtherAcl"]) == ["s3:PutObjectAcl", { StringNotEquals = { "s3:x-amz-acl" = "bucket-owner-full-control" } }]
    error_message = "Any other ACL must be refused, and none too: then PutObjectAcl is a request of its own."
  }

  assert {
    condition     = !can(local.allow_upload["partner"].Condition)
    error_message = "Without source_cidrs any address will do."
  }
}

run "an_uploader_can_be_tied_to_addresses" {
  command = plan

  variables {
    uploaders = { partner = { principal_arn = "arn:aws:iam::444455556666:user/uploader", prefix = "partner/", source_cidrs = ["203.0.113.0/24"] } }
  }

  assert {
    condition     = local.allow_upload["partner"].Condition.IpAddress["aws:SourceIp"] == tolist(["203.0.113.0/24"])
    error_message = "Other addresses must not be allowed."
  }
}

# The uploader's own policies could allow what the bucket's policy does not.
run "an_uploader_of_this_account_is_refused_the_rest_by_name" {
  command = plan

  variables {
    uploaders = { ours = { principal_arn = "arn:aws:iam::111122223333:role/uploader", prefix = "ours/", source_cidrs = ["203.0.113.0/24"] } }
  }

  assert {
    condition     = [for s in local.statements : [jsondecode(s).Principal, jsondecode(s).Action, jsondecode(s).Condition] if startswith(jsondecode(s).Sid, "OwnAddressesOnly") && jsondecode(s).Effect == "Deny"] == [[{ AWS = "arn:aws:iam::111122223333:role/uploader" }, local.upload_actions, { NotIpAddress = { "aws:SourceIp" = ["203.0.113.0/24"] } }]]
    error_message = "Other addresses must be refused."
  }

  assert {
    condition     = [for s in local.statements : jsondecode(s).NotResource if startswith(jsondecode(s).Sid, "OwnPrefixOnly") && jsondecode(s).Effect == "Deny"] == ["arn:aws:s3:::windrow-landing/ours/*"]
    error_message = "Other prefixes must be refused."
  }
}

run "sixty_uploaders_fit_into_the_buckets_policy" {
  command = plan

  variables {
    uploaders = { for number in range(100, 160) : "party-${number}" => { principal_arn = "arn:aws:iam::444455556${number}:role/uploader", prefix = "party-${number}/" } }
  }

  assert {
    condition     = length(local.allow_upload) == 60
    error_message = "The bucket module refuses what does not fit."
  }
}

run "more_upload_by_access_points" {
  command = plan

  variables {
    uploaders = { for number in range(100, 180) : "party-${number}" => { principal_arn = "arn:aws:iam::444455556${number}:role/uploader", prefix = "party-${number}/", source_cidrs = ["203.0.113.0/24"], access_point = true } }
  }

  assert {
    condition     = [for s in local.statements : [jsondecode(s).Action, jsondecode(s).Condition] if jsondecode(s).Effect == "Allow"] == [[local.upload_actions, { StringEquals = { "s3:DataAccessPointAccount" = "111122223333" } }]]
    error_message = "The bucket must leave it to the access points of its own account, for uploads alone."
  }

  assert {
    condition     = one(jsondecode(aws_s3_access_point.uploader["party-100"].policy).Statement) == { Sid = "Upload", Effect = "Allow", Principal = { AWS = "arn:aws:iam::444455556100:role/uploader" }, Action = local.upload_actions, Resource = "arn:aws:s3:eu-west-2:111122223333:accesspoint/${local.access_point_names["party-100"]}/object/party-100/*", Condition = { IpAddress = { "aws:SourceIp" = ["203.0.113.0/24"] } } }
    error_message = "Each access point must let in one uploader, under its prefix, from its addresses."
  }

  assert {
    condition     = length(distinct(values(local.access_point_names))) == 80 && alltrue([for name in values(local.access_point_names) : can(regex("^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$", name))])
    error_message = "Names must be S3's, and different."
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
    condition     = alltrue(flatten([for r in aws_s3_bucket_lifecycle_configuration.archive_copies[0].rule : [for e in r.expiration : coalesce(e.days, 0) == 0]]))
    error_message = "No copy may expire."
  }

  assert {
    condition     = keys(output.archive_copies) == ["this"]
    error_message = "The bucket for copies must be made known."
  }
}

run "some_objects_by_a_topic" {
  command = apply

  variables {
    notification = { through = "topic", topic_arn = "arn:aws:sns:eu-west-2:111122223333:new-objects", prefix = "partner/", suffix = ".csv" }
  }

  assert {
    condition     = [for t in aws_s3_bucket_notification.this.topic : [t.topic_arn, t.filter_prefix, t.filter_suffix]] == [["arn:aws:sns:eu-west-2:111122223333:new-objects", "partner/", ".csv"]] && length(aws_s3_bucket_notification.this.queue) == 0
    error_message = "S3 must tell the topic, of these objects alone."
  }

  assert {
    condition     = aws_sns_topic_subscription.queue["this"].endpoint == var.queue_arn && jsondecode(aws_sns_topic_subscription.queue["this"].filter_policy) == { Records = { s3 = { bucket = { name = ["windrow-landing"] } } } }
    error_message = "The topic must tell the queue, of this bucket alone."
  }
}

run "some_objects_by_eventbridge" {
  command = apply

  variables {
    notification = { through = "eventbridge", suffix = ".csv" }
  }

  assert {
    condition     = aws_s3_bucket_notification.this.eventbridge && length(aws_s3_bucket_notification.this.queue) == 0
    error_message = "S3 must tell EventBridge."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.new_objects["this"].event_pattern).detail == { bucket = { name = ["windrow-landing"] }, object = { key = [{ wildcard = "*.csv" }] } } && aws_cloudwatch_event_target.queue["this"].arn == var.queue_arn
    error_message = "The rule must tell the queue, of these objects of this bucket."
  }
}

run "what_is_archived_may_expire" {
  command = apply

  variables {
    retention = { expire_after_days = 2555 }
  }

  assert {
    condition     = one(one([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r if r.id == "expire"]).expiration).days == 2555
    error_message = "Files must expire after the days that were given."
  }
}

run "copies_of_archives_may_expire" {
  command = apply

  variables {
    retention = { mode = "archives", expire_after_days = 2555 }
  }

  assert {
    condition     = one(one([for r in aws_s3_bucket_lifecycle_configuration.archive_copies[0].rule : r if r.id == "expire"]).expiration).days == 2555 && length([for r in aws_s3_bucket_lifecycle_configuration.this.rule : r if r.id == "expire"]) == 0
    error_message = "Copies must expire after the days that were given, and raw files never by their age."
  }
}
