# Replaces in infra/examples/staging what belongs to one account, and to a MinIO on-premises; everything else is verified as
# the example has it. The VPN is made as there, and nobody answers at its other end.
terraform {
  backend "local" {}
}

provider "aws" {
  allowed_account_ids = [var.account_id]
}

module "windrow" {
  name                = var.name
  landing_bucket_name = "${var.name}-landing"
  disposable          = true

  uploaders = {
    partner = { principal_arn = aws_iam_role.partner.arn, prefix = "partner/" }
  }

  # S3 of the same region, which the functions reach through the gateway endpoint: no address on-premises stands for it.
  destination = {
    endpoint = var.destination_endpoint
    cidrs    = ["10.20.0.5/32"]
    bucket   = var.destination_bucket
    region   = "eu-west-2"
  }

  # S3 delivers the first inventory within two days.
  daily_audit = { inventory = false }

  # So that there are copies and a sweep to verify.
  retention = { mode = "archives" }

  # Nobody is told.
  alarms = {
    runbook_url    = "https://example.com/windrow/operations"
    files_per_hour = 3600
    quiet_minutes  = 60
  }

  worker_principal_arns = [aws_iam_role.worker.arn]
}
