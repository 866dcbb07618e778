output "statements" {
  description = "Policy statements."
  value       = local.statements
}
