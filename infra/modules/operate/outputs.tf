output "statements" {
  description = "Statements of a policy."
  value       = local.statements
}
