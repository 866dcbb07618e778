resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = local.policy

  lifecycle {
    precondition {
      condition     = length(local.policy) <= 32768
      error_message = "The policy of the key ${var.name} takes ${length(local.policy)} bytes, but KMS allows 32,768: too many uploaders have their own principal (about 350 fit). Let several of them share a role."
    }
  }
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
