# `aws`, `aws-us-gov` or `aws-cn`: the second part of every ARN.
data "aws_partition" "current" {}
