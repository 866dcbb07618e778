locals {
  # Errors are invocations that failed as a whole; files that are retried raise failed-batches.
  error_alarms = {
    aggregator-errors = { function = var.functions.aggregator, says = "The aggregator fails." }
    sentinel-errors   = { function = var.functions.sentinel, says = "The sentinel fails: the circuit does not follow the destination." }
  }

  throttle_alarms = {
    aggregator-throttles = { function = var.functions.aggregator, says = "Lambda throttles the aggregator." }
    sentinel-throttles   = { function = var.functions.sentinel, says = "Lambda throttles the sentinel." }
  }

  rotation_alarms = { for name, alarm in local.all_rotation_alarms : name => alarm if var.functions.rotation != null }

  all_rotation_alarms = {
    # A throttled rotation does not run at all.
    rotation-failed = {
      says       = "The rotation of the destination's credentials failed."
      namespace  = "AWS/Lambda"
      summed     = ["Errors", "Throttles"]
      dimensions = { FunctionName = var.functions.rotation }
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 60
      periods    = 1
      missing    = "notBreaching"
    }
    # AWS has no metric of rotations, and an alarm looks back for a week at most. The sentinel publishes the age of the
    # secret that it read; while it reads none, the alarm keeps its state.
    rotation-overdue = {
      says       = "The destination's credentials are older than ${local.credentials_days} days: their rotation is off or does not run."
      namespace  = local.namespace
      metric     = "CredentialsAgeHours"
      dimensions = local.dimensions
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 24 * local.credentials_days
      period_s   = 3600
      periods    = 1
      missing    = "ignore"
    }
  }

  # Secrets Manager rotates at some time of the day on which it is due, and has one more day for retries. Without a
  # schedule, the limit is that of the default one.
  credentials_days = coalesce(var.rotation_days, 30) + 2

  function_alarms = merge(
    local.rotation_alarms,
    { for name, alarm in local.error_alarms : name => {
      says       = alarm.says
      namespace  = "AWS/Lambda"
      metric     = "Errors"
      dimensions = { FunctionName = alarm.function }
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 60
      periods    = 1
      missing    = "notBreaching"
    } },
    { for name, alarm in local.throttle_alarms : name => {
      says       = alarm.says
      namespace  = "AWS/Lambda"
      metric     = "Throttles"
      dimensions = { FunctionName = alarm.function }
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 60
      periods    = 3
      missing    = "notBreaching"
    } },
  )
}
