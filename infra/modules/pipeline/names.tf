# The stack's resources, by their names, since the roles exist before the stack.
locals {
  here = {
    for service in ["cloudwatch", "dynamodb", "ec2", "events", "kms", "lambda", "logs", "scheduler", "secretsmanager", "sns", "sqs"] :
    service => "arn:${data.aws_partition.current.partition}:${service}:${var.region}:${var.account_id}"
  }
  iam = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}"

  bucket_arns = [for name in [var.landing_bucket_name, "${var.landing_bucket_name}-archives", "${var.landing_bucket_name}-listings"] : "arn:${data.aws_partition.current.partition}:s3:::${name}"]
  # "*": each name ends in the resource's purpose, and a secret's in six letters that AWS chooses.
  ledger_arn = "${local.here.dynamodb}:table/${var.name}-ledger"
  secret_arn = "${local.here.secretsmanager}:secret:${var.name}-destination-*"
  queue_arns = "${local.here.sqs}:${var.name}-uploads*"
  role_arns  = "${local.iam}:role/${var.name}-*"

  function_arns = "${local.here.lambda}:function:${var.name}-*"
  # "*": AWS chooses the ids of mappings and keys. Neither supports a condition on a name. A condition on a key's tag is
  # possible, but whoever creates keys chooses their tags.
  mapping_arns = "${local.here.lambda}:event-source-mapping:*"
  key_arns     = "${local.here.kms}:key/*"

  other_named_arns = [
    "${local.here.cloudwatch}:alarm:${var.name}-*",
    "arn:${data.aws_partition.current.partition}:cloudwatch::${var.account_id}:dashboard/${var.name}*",
    "${local.here.events}:rule/${var.landing_bucket_name}-new",
    "${local.here.logs}:log-group:/aws/lambda/${var.name}-*",
    "${local.here.logs}:log-group:/aws/vpc/${var.name}-*",
    "${local.here.scheduler}:schedule/default/${var.name}-*",
    "${local.here.sns}:${var.name}-*",
  ]
}
