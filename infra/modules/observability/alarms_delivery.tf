locals {
  # The dimensions that windrow.clients.cloudwatch.metrics publishes if WINDROW_STACK is set.
  namespace  = "Windrow"
  dimensions = { service = "windrow", stack = var.name }

  # One for each kind of windrow.core.errors.DestinationFault.
  faults = {
    bucket      = "The destination's bucket is missing."
    checksum    = "The destination returns other bytes than were sent."
    connect     = "The destination can't be reached."
    credentials = "The destination refuses the credentials."
    protocol    = "What answers for the destination is no S3 server."
    refused     = "The destination refuses requests."
    slow        = "The destination is too slow."
    tls         = "The TLS connection to the destination fails."
    unavailable = "The destination answers that it is unavailable."
  }

  delivery_alarms = {
    destination-down = {
      says       = "The destination is down, or the sentinel does not run."
      namespace  = local.namespace
      metric     = "DestinationUp"
      dimensions = local.dimensions
      statistic  = "Maximum"
      comparison = "LessThanThreshold"
      threshold  = 1
      period_s   = 60
      periods    = 3
      missing    = "breaching"
    }
    checksum-mismatch = {
      says       = "The destination stored other bytes than were sent; the files are sent again."
      namespace  = local.namespace
      metric     = "ChecksumMismatch"
      dimensions = local.dimensions
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 60
      periods    = 1
      missing    = "notBreaching"
    }
    failed-batches = {
      says       = "Files have been returned to the queue in each of five minutes."
      namespace  = local.namespace
      metric     = "FilesRetried"
      dimensions = local.dimensions
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 60
      periods    = 5
      missing    = "notBreaching"
    }
    # Half an hour: a file that keeps failing is returned to the queue at least every 15 minutes plus a batch.
    oldest-retried = {
      says       = "A file that has waited for over one hour was returned to the queue again."
      namespace  = local.namespace
      metric     = "OldestRetriedMs"
      dimensions = local.dimensions
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 3600000
      period_s   = 1800
      periods    = 1
      missing    = "notBreaching"
    }
    files-rejected = {
      says       = "Files were rejected."
      namespace  = local.namespace
      metric     = "FilesRejected"
      dimensions = local.dimensions
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      period_s   = 60
      periods    = 1
      missing    = "notBreaching"
    }
  }

  fault_alarms = { for kind, says in local.faults : "destination-${kind}" => {
    says       = says
    namespace  = local.namespace
    metric     = "DestinationFault${title(kind)}"
    dimensions = local.dimensions
    statistic  = "Maximum"
    comparison = "GreaterThanThreshold"
    threshold  = 0
    period_s   = 60
    periods    = 2
    missing    = "notBreaching"
  } }
}
