"""What only runs on one machine, to try and to measure: the whole stack, load on it, and the reports of both."""
