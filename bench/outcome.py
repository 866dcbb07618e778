"""Whether a contender delivered what it was given: every archive is read back and every file's SHA-256 compared."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from collections import Counter
from collections.abc import Sequence
from typing import IO

import msgspec

from bench.testbed import Testbed, Upload


class BenchOutcome(msgspec.Struct, frozen=True):
    """The size of the archives that hold measured files; how many files are in none, and how many more than once."""

    archive_bytes: int
    missing: int
    doubled: int


def inspect(testbed: Testbed, prefix: str, files: Sequence[Upload], warm: Sequence[Upload]) -> BenchOutcome:
    """Read back all archives under a prefix.

    Files are told apart by their SHA-256: those of ``warm``, which are left out, must differ from the measured ones. A
    file whose bytes are others than they were counts as missing, and as one that is there once too often.
    """
    s3 = testbed.client("s3")
    bucket = testbed.outputs.destination_bucket
    measured = Counter(upload.sha256 for upload in files)
    small = Counter(upload.sha256 for upload in warm)
    found: Counter[str] = Counter()
    total = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        for item in page.get("Contents", ()):
            digests = _digests(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"]) - small
            if digests:
                found += digests
                total += item["Size"]
    return BenchOutcome(total, (measured - found).total(), len(found - measured))


def require_all(outcome: BenchOutcome) -> BenchOutcome:
    """Return the outcome if every file was delivered exactly once. Raises `SystemExit` otherwise."""
    if outcome.missing or outcome.doubled:
        raise SystemExit(f"{outcome.missing} files are missing, {outcome.doubled} were delivered twice")
    return outcome


def _digests(body: IO[bytes]) -> Counter[str]:
    """Return the SHA-256 of each file in an archive, the manifest left out."""
    digests: Counter[str] = Counter()
    # Through GzipFile: Bento's archives may have members that the stream mode "r|gz" of `tarfile` would not go on to.
    with gzip.GzipFile(fileobj=body) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None and member.name != "MANIFEST.json":
                digests[hashlib.sha256(content.read()).hexdigest()] += 1
    return digests
