"""CloudWatch: publishes metrics, reads alarms and metrics."""
