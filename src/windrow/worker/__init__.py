"""The event source mapping engine: does what AWS Lambda's SQS poller does, for local runs and production workers."""
