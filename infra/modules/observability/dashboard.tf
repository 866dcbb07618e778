locals {
  own    = ["service", "windrow", "stack", var.name]
  queue  = ["QueueName", var.queues.name]
  sweeps = var.functions.retention != null

  charts = [
    {
      title = "Files"
      stat  = "Sum"
      metrics = [for metric in concat(["FilesProcessed", "FilesDuplicate", "FilesRejected", "FilesRetried"], local.sweeps ? ["RawFilesExpired"] : []) :
        concat([local.namespace, metric], local.own, [{ label = metric }])
      ]
    },
    {
      title = "Latency from arrival to delivery (ms)"
      stat  = "p50"
      metrics = [for stat in ["p50", "p95", "p99.9"] :
        concat([local.namespace, "ProcessingLatencyMs"], local.own, [{ label = stat, stat = stat }])
      ]
    },
    {
      title = "Late files"
      stat  = "Sum"
      metrics = [for metric in ["FilesOver2Minutes", "FilesOver3Minutes"] :
        concat([local.namespace, metric], local.own, [{ label = metric }])
      ]
    },
    {
      title = "Messages in the queues"
      stat  = "Maximum"
      metrics = [
        concat(["AWS/SQS", "ApproximateNumberOfMessagesVisible"], local.queue, [{ label = "waiting" }]),
        concat(["AWS/SQS", "ApproximateNumberOfMessagesNotVisible"], local.queue, [{ label = "in work" }]),
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.queues.dead_letter_name, { label = "rejected" }],
      ]
    },
    {
      title   = "Age of the oldest message (s), without those received three times or more"
      stat    = "Maximum"
      metrics = [concat(["AWS/SQS", "ApproximateAgeOfOldestMessage"], local.queue, [{ label = "age" }])]
    },
    {
      title   = "Age of the oldest message returned to the queue (ms)"
      stat    = "Maximum"
      metrics = [concat([local.namespace, "OldestRetriedMs"], local.own, [{ label = "age" }])]
    },
    {
      title   = "Destination up"
      stat    = "Minimum"
      metrics = [concat([local.namespace, "DestinationUp"], local.own, [{ label = "up" }])]
    },
    {
      title = "Time of a probe (ms)"
      stat  = "Maximum"
      metrics = [for stat in ["p50", "Maximum"] :
        concat([local.namespace, "DestinationProbeMs"], local.own, [{ label = stat, stat = stat }])
      ]
    },
    {
      title = "Faults of the destination"
      stat  = "Sum"
      metrics = [for kind in keys(local.faults) :
        concat([local.namespace, "DestinationFault${title(kind)}"], local.own, [{ label = kind }])
      ]
    },
    {
      title = "Archives"
      stat  = "Sum"
      metrics = [for metric in concat(["ArchivesDelivered", "ChecksumMismatch"], local.sweeps ? ["ArchivesCopied", "ArchiveCopyFailed"] : []) :
        concat([local.namespace, metric], local.own, [{ label = metric }])
      ]
    },
    {
      title = "Bytes"
      stat  = "Sum"
      metrics = [for metric in ["RawBytes", "ArchiveBytes"] :
        concat([local.namespace, metric], local.own, [{ label = metric }])
      ]
    },
    {
      title = "Errors and throttles"
      stat  = "Sum"
      metrics = [for pair in setproduct(compact(values(var.functions)), ["Errors", "Throttles"]) :
        ["AWS/Lambda", pair[1], "FunctionName", pair[0], { label = "${pair[0]} ${pair[1]}" }]
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = concat([local.alarm_widget], local.chart_widgets)
  })
}

locals {
  alarm_widget = {
    type   = "alarm"
    x      = 0
    y      = 0
    width  = 24
    height = 4
    properties = {
      title  = "Alarms"
      alarms = concat(values(aws_cloudwatch_metric_alarm.this)[*].arn, values(aws_cloudwatch_composite_alarm.burn)[*].arn)
    }
  }

  # Three charts in a row of 24 columns, below the alarms.
  chart_widgets = [for index, chart in local.charts : {
    type   = "metric"
    x      = index % 3 * 8
    y      = 4 + floor(index / 3) * 6
    width  = 8
    height = 6
    properties = {
      title   = chart.title
      stat    = chart.stat
      metrics = chart.metrics
      period  = 60
      region  = var.region
      view    = "timeSeries"
    }
  }]
}
