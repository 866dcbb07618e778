output "role_arn" {
  description = "The role."
  value       = aws_iam_role.this.arn
}

output "profile_arn" {
  description = "Profile of IAM Roles Anywhere that leads to the role; null where no certificates are accepted."
  value       = one(aws_rolesanywhere_profile.this[*].arn)
}

output "policy" {
  description = "What the role may do (JSON)."
  value       = aws_iam_role_policy.this.policy
}

output "trust" {
  description = "Who may take on the role, as a policy (JSON)."
  value       = aws_iam_role.this.assume_role_policy
}
