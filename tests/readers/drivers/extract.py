"""Lists what a program extracts: ``extract.py COMMAND ARCHIVE...``, as `tests.readers.readers` tells.

COMMAND is a line of bash; ``$1`` is the archive, and the folder that it runs in is where its files belong.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path


def below(folder: Path) -> Iterator[tuple[bytes, str]]:
    """Yield path and SHA-256 of every file."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield os.fsencode(path.relative_to(folder)), sha256(path.read_bytes()).hexdigest()


def tell(command: str, archive: Path) -> None:
    """Print what the command extracts of an archive."""
    with tempfile.TemporaryDirectory(prefix="windrow-extract-") as folder:
        done = subprocess.run(["bash", "-c", command, "bash", str(archive)], cwd=folder, check=False, stdout=sys.stderr)
        for name, digest in below(Path(folder)):
            sys.stdout.buffer.write(b"%s\t%s\n" % (name, digest.encode()))
        print("failed" if done.returncode else "end", flush=True)


if __name__ == "__main__":
    for each in sys.argv[2:]:
        tell(sys.argv[1], Path(each).resolve())
