# A sweep runs every hour; the next one does what failed in the last.
locals {
  retention_alarms = var.functions.retention == null ? {} : {
    retention-errors = {
      says       = "The retention sweep fails: no archives are copied to Deep Archive, and no raw files are deleted."
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
      says       = "No retention sweep has finished for a day."
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
      says       = "Archives can't be copied or verified in two sweeps in a row; their raw files are kept."
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
      says       = "S3 has not deleted raw files that are delivered and old, in two sweeps in a row."
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
