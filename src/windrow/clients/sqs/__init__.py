"""The source queue and its dead-letter queue on SQS."""
