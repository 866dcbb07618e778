"""Windrow gathers small S3 files into one-minute archives and delivers each exactly once to MinIO."""

__version__ = "0.1.0"
