"""MiniStack as the stack is applied to it."""

from __future__ import annotations

import sys
from pathlib import Path

from windrow.lab.stack.process import HOST, Server
from windrow.lab.stack.servers import REGION


def emulator(folder: Path) -> Server:
    """Return MiniStack with every service, enforcing IAM."""
    environ = {
        "AUTH": "true",
        "BIND_HOST": HOST,
        "DOCKER_HOST": f"unix://{folder / 'no-docker'}",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_REGION": REGION,
        "SFTP_ENABLED": "0",
    }
    command = [sys.executable, "-m", "ministack"]
    return Server("ministack", folder, lambda _port: command, environ=environ, health="/_ministack/health")
