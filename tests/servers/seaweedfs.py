"""SeaweedFS: an S3 server that is tested where it has been built (`make seaweedfs`), which takes long."""

from __future__ import annotations

import json
from pathlib import Path

from windrow.lab.stack.process import HOST, Server, free_port
from windrow.lab.stack.programs import find_program


def find_seaweedfs() -> Path | None:
    """Return its program, on PATH or as it was built."""
    return find_program("weed", "version")


def seaweedfs(folder: Path, *, access_key: str, secret_key: str) -> Server:
    """Return a SeaweedFS that keeps its data in ``folder``, not started yet."""
    data = folder / "data"
    data.mkdir(parents=True)
    account = {
        "name": "windrow",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin"],  # tests make their buckets
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [account]}))
    # One copy of each volume; a bucket has volumes of its own, and tests have many buckets.
    (folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
    ports = {name: free_port() for name in ("master", "volume", "filer")}
    binary = find_seaweedfs()
    return Server(
        "seaweedfs",
        folder,
        lambda port: [
            *(str(binary), "server", f"-dir={data}", f"-ip={HOST}", f"-ip.bind={HOST}"),
            *(f"-{name}.port={free}" for name, free in ports.items()),
            *("-s3", f"-s3.port={port}", f"-s3.config={folder}/s3.json"),
            *("-master.volumeSizeLimitMB=64", "-volume.max=5000"),
        ],
        environ={},
        health="/healthz",
    )
