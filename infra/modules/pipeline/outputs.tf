output "permissions_boundary_arn" {
  description = "What the stack's permissions_boundary_arn must be: the role apply makes roles with it only."
  value       = aws_iam_policy.boundary.arn
}

output "role_arns" {
  description = "Roles of the workflows: plan, apply and, with a deployer_policy, deploy."
  value       = { for job, role in aws_iam_role.this : job => role.arn }
}
