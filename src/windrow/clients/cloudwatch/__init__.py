"""CloudWatch: metrics out, alarms and latencies in."""
