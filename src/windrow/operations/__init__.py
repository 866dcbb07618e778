"""Everything but batches: audit, retention, replay, rebuild, status, sentinel, rotation, deployment, quarantine."""
