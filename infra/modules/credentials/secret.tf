# Made without a value. A value that Terraform writes, even a write-only one, is a version that Terraform owns: after
# two rotations it is gone, and the next apply would put the old credentials back over the rotated ones.
resource "aws_secretsmanager_secret" "destination" {
  #checkov:skip=CKV2_AWS_57:modules/rotation does, where the destination has an admin API to make keys with; elsewhere nobody can

  name                    = var.name
  description             = "Credentials of the destination: {\"access_key\", \"secret_key\", \"ca_pem\"?}."
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
}
