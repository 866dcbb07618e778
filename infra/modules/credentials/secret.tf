# Created without a value. A value that Terraform writes, even a write-only one, is a version that Terraform owns: two
# rotations remove it, and the next apply would replace the rotated credentials by the old ones.
resource "aws_secretsmanager_secret" "destination" {
  #checkov:skip=CKV2_AWS_57:modules/rotation does, if the destination has an admin API to create keys; otherwise it is not possible

  name                    = var.name
  description             = "Credentials of the destination: {\"access_key\", \"secret_key\", \"ca_pem\"?}."
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
}
