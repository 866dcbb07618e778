"""The fault campaign: real servers, real workers, faults from a seed, and every file reconciled at the end."""
