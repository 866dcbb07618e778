locals {
  # Errors are invocations that failed as a whole; files that are tried again show in failed-batches.
  error_alarms = {
    aggregator-errors = { function = var.functions.aggregator, says = "The aggregator fails." }
    sentinel-errors   = { function = var.functions.sentinel, says = "The sentinel fails: the circuit is not looked after." }
    rotation-failed   = { function = var.functions.rotation, says = "The rotation of the destination's credentials failed." }
  }

  throttle_alarms = {
    aggregator-throttles = { function = var.functions.aggregator, says = "Lambda throttles the aggregator." }
    sentinel-throttles   = { function = var.functions.sentinel, says = "Lambda throttles the sentinel." }
  }

  function_alarms = merge(
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
