# Once a day the audit reports on all files that arrived since its last report. Without a report alarms keep their
# state: each stays on until a statement is better.
locals {
  audit_metrics = {
    files-missing = {
      says       = "Files that arrived are in no archive: the day's statement names them. The next statement is about the next day."
      metric     = "FilesMissing"
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
    }
    files-duplicated = {
      says       = "Files are in more than one archive: the day's statement names them."
      metric     = "FilesDuplicated"
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
    }
    share-within-2-minutes = {
      says       = "Less than 95 % of all files that arrived in a day were delivered within 2 minutes."
      metric     = "ShareWithin2Minutes"
      statistic  = "Minimum"
      comparison = "LessThanThreshold"
      threshold  = 95
    }
    share-within-3-minutes = {
      says       = "Less than 99.9 % of all files that arrived in a day were delivered within 3 minutes."
      metric     = "ShareWithin3Minutes"
      statistic  = "Minimum"
      comparison = "LessThanThreshold"
      threshold  = 99.9
    }
  }

  audit_alarms = var.functions.auditor == null ? {} : merge(
    { for name, alarm in local.audit_metrics : name => merge(alarm, {
      namespace  = local.namespace
      dimensions = local.dimensions
      period_s   = 3600
      periods    = 1
      missing    = "ignore"
    }) },
    {
      audit-errors = {
        says       = "The daily audit failed, and will not try again before the next day."
        namespace  = "AWS/Lambda"
        metric     = "Errors"
        dimensions = { FunctionName = var.functions.auditor }
        statistic  = "Sum"
        comparison = "GreaterThanThreshold"
        threshold  = 1 # Lambda runs it once more
        period_s   = 3600
        periods    = 1
        missing    = "notBreaching"
      }
      audit-overdue = {
        says       = "The daily audit has reported nothing for two days."
        namespace  = local.namespace
        metric     = "FilesMissing"
        dimensions = local.dimensions
        statistic  = "SampleCount"
        comparison = "LessThanThreshold"
        threshold  = 1
        period_s   = 86400
        periods    = 2
        missing    = "breaching"
      }
    },
  )
}
