"""The embedded stack: an AWS emulator and a MinIO on this machine's loopback address. Needs the extra ``local``."""
