"""The destination's credentials: in Secrets Manager, in a file, or in an environment variable."""
