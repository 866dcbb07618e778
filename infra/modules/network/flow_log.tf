# Only refused connections: they show a wrong address or an intruder, and cost almost nothing.
resource "aws_flow_log" "refused" {
  count = local.own_vpc ? 1 : 0

  vpc_id          = aws_vpc.this[0].id
  traffic_type    = "REJECT"
  log_destination = aws_cloudwatch_log_group.flow[0].arn
  iam_role_arn    = aws_iam_role.flow[0].arn

  tags = { Name = "${var.name}-refused" }
}

resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_338:refused connections are for troubleshooting, not for audit: the retention is an input

  count = local.own_vpc ? 1 : 0

  name              = "/aws/vpc/${var.name}-refused"
  retention_in_days = var.flow_log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_iam_role" "flow" {
  count = local.own_vpc ? 1 : 0

  name        = "${var.name}-flow-log"
  description = "Writes the log of refused connections of ${var.name}."

  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "FlowLogs"
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        # "*": the flow log's id is not known before its role exists.
        ArnLike = { "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:ec2:${var.region}:${var.account_id}:vpc-flow-log/*" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "flow" {
  count = local.own_vpc ? 1 : 0

  name = "log"
  role = aws_iam_role.flow[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    # The actions of AWS's own policy for this role, which allows them for every group.
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    Statement = [
      {
        Sid    = "WriteOwnLog"
        Effect = "Allow"
        Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        # The service chooses the names of streams; the wildcard covers those of this one group.
        Resource = [aws_cloudwatch_log_group.flow[0].arn, "${aws_cloudwatch_log_group.flow[0].arn}:*"]
      },
      {
        Sid      = "FindOwnLog"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogGroups"]
        Resource = "arn:${data.aws_partition.current.partition}:logs:${var.region}:${var.account_id}:log-group:*" # lists groups: nothing narrower
      },
    ]
  })
}
