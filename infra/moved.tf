# The rotation of credentials was part of modules/credentials. Older states keep their resources.
moved {
  from = module.credentials.module.function
  to   = module.rotation["this"].module.function
}

moved {
  from = module.credentials.aws_lambda_permission.secrets_manager
  to   = module.rotation["this"].aws_lambda_permission.secrets_manager
}

moved {
  from = module.credentials.aws_secretsmanager_secret_rotation.this
  to   = module.rotation["this"].aws_secretsmanager_secret_rotation.this
}
