locals {
  # Errors are invocations that failed as a whole; files that are tried again show in failed-batches.
  error_alarms = {
    aggregator-errors = { function = var.functions.aggregator, says = "The aggregator fails." }
    sentinel-errors   = { function = var.functions.sentinel, says = "The sentinel fails: the circuit is not looked after." }
  }

  throttle_alarms = {
    aggregator-throttles = { function = var.functions.aggregator, says = "Lambda throttles the aggregator." }
    sentinel-throttles   = { function = var.functions.sentinel, says = "Lambda throttles the sentinel." }
  }

  # A throttled rotation does not run at all. That none was due or tried is no metric of AWS: see the README.
  rotation_alarms = {
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
  }

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
