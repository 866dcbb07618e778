# Each hour has a sweep; what fails in one is done by the next.
locals {
  retention_alarms = var.functions.retention == null ? {} : {
    retention-errors = {
      says       = "The retention sweep fails: nothing is copied to Deep Archive, and nothing expires."
      namespace  = "AWS/Lambda"
      metric     = "Errors"
      dimensions = { FunctionName = var.functions.retention }
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 3600
      periods    = 2
      missing    = "notBreaching"
    }
    retention-overdue = {
      says       = "No retention sweep got through for a day."
      namespace  = local.namespace
      metric     = "RetentionSweepsCompleted"
      dimensions = local.dimensions
      statistic  = "Sum"
      comparison = "LessThanThreshold"
      threshold  = 1
      period_s   = 86400
      periods    = 1
      missing    = "breaching"
    }
    archive-copy-failed = {
      says       = "Archives can't be copied or verified in two sweeps of two; their raw files are kept."
      namespace  = local.namespace
      metric     = "ArchiveCopyFailed"
      dimensions = local.dimensions
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 3600
      periods    = 2
      missing    = "notBreaching"
    }
    raw-files-not-expired = {
      says       = "S3 does not delete raw files that are delivered and old, in two sweeps of two."
      namespace  = local.namespace
      metric     = "RawFilesExpireFailed"
      dimensions = local.dimensions
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 3600
      periods    = 2
      missing    = "notBreaching"
    }
  }
}
