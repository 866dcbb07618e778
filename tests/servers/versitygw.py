"""versitygw: an S3 server that is neither AWS nor MinIO."""

from __future__ import annotations

from pathlib import Path

from tests.tools import locate
from windrow.lab.stack.process import HOST, Server


def versitygw(folder: Path, *, access_key: str, secret_key: str) -> Server:
    """Return a versitygw that keeps its data in ``folder``, not started yet."""
    binary = locate("versitygw")
    data, sidecar = folder / "data", folder / "metadata"
    data.mkdir(parents=True)
    sidecar.mkdir()
    return Server(
        "versitygw",
        folder,
        # Metadata beside the files: not every file system has extended attributes.
        lambda port: [
            *(binary, "--quiet", "--port", f"{HOST}:{port}", "--health", "/health"),
            *("posix", "--sidecar", str(sidecar), str(data)),
        ],
        environ={"ROOT_ACCESS_KEY": access_key, "ROOT_SECRET_KEY": secret_key},
        health="/health",
    )
