"""Implementations of the ports: a folder for each external system, and what all share. None connects at import."""
