"""The destination: a bucket on MinIO, or on any S3 server that meets docs/destinations.md."""
