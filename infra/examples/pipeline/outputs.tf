output "permissions_boundary_arn" {
  description = "Value for the stage's permissions_boundary_arn."
  value       = module.staging.permissions_boundary_arn
}

output "role_arns" {
  description = "Roles of the workflows: plan, apply and, with a deployer_policy, deploy."
  value       = module.staging.role_arns
}
