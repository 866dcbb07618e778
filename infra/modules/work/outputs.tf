output "statements" {
  description = "Policy statements."
  value       = concat(local.read_landing, local.use_queues, local.use_ledger, local.read_secret)
}
