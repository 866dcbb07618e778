"""The destination's credentials: in Secrets Manager, in a file, or in a variable of the environment."""
