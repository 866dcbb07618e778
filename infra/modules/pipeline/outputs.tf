output "permissions_boundary_arn" {
  description = "Value for the stack's permissions_boundary_arn: the role apply can create roles only with it."
  value       = aws_iam_policy.boundary.arn
}

output "role_arns" {
  description = "Roles of the workflows: plan, apply and, with a deployer_policy, deploy."
  value       = { for job, role in aws_iam_role.this : job => role.arn }
}
