output "role_arn" {
  description = "ARN of the role."
  value       = aws_iam_role.this.arn
}

output "profile_arn" {
  description = "ARN of the IAM Roles Anywhere profile for the role; null if no certificates are accepted."
  value       = one(aws_rolesanywhere_profile.this[*].arn)
}

output "policy" {
  description = "Permissions of the role, as a policy (JSON)."
  value       = aws_iam_role_policy.this.policy
}

output "trust" {
  description = "Trust policy of the role (JSON)."
  value       = aws_iam_role.this.assume_role_policy
}
