locals {
  by_principals = [for arns in [sort(tolist(var.principal_arns))] : {
    Sid       = "Servers"
    Effect    = "Allow"
    Principal = { AWS = arns }
    Action    = "sts:AssumeRole"
  } if length(arns) > 0]

  # https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
  by_certificates = [for certificates in var.certificates[*] : {
    Sid       = "ServersWithACertificate"
    Effect    = "Allow"
    Principal = { Service = "rolesanywhere.amazonaws.com" }
    Action    = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
    Condition = {
      ArnEquals    = { "aws:SourceArn" = certificates.trust_anchor_arn }
      StringEquals = { "aws:PrincipalTag/x509Subject/CN" = sort(tolist(certificates.common_names)) }
    }
  }]
}

resource "aws_iam_role" "this" {
  name        = "${var.name}-worker"
  description = var.description

  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.by_principals, local.by_certificates) })
}

resource "aws_iam_role_policy" "this" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = var.policy
}

# `aws_signing_helper credential-process` needs it in addition to the role and the trust anchor.
resource "aws_rolesanywhere_profile" "this" {
  count = length(local.by_certificates)

  name      = aws_iam_role.this.name
  role_arns = [aws_iam_role.this.arn]
  enabled   = true
}
