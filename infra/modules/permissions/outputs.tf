output "work" {
  description = "Policy statements for the work of a batch."
  value       = concat(local.read_landing, local.use_queues, local.use_ledger, local.read_secret)
}

output "operate" {
  description = "Policy statements for operators."
  value       = local.operate
}
