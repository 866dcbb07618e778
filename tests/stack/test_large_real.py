"""An object larger than an archive, through real clients: MinIO as landing bucket and destination."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import large
from bench.stand import stand
from tests.optional import require

MIB = 1024 * 1024


@pytest.mark.needs("minio")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_large_object_is_streamed_within_400_mb() -> None:
    """200 MiB that do not compress, where 32 MiB are held: there once, verified, nothing left in the staging area."""
    require("minio", "make minio (needs Go, 3 minutes once)")
    with stand() as place:
        result = large.measure(place, 200 * MIB, max_archive_bytes=32 * MIB)

    assert result.archive_bytes > 200 * MIB
    assert (result.left, result.requests["CompleteMultipartUpload"]) == (0, 2)
    assert result.requests["CopyObjectPart"] == result.requests["PutObjectPart"] > 2
    assert result.peak_mb < 400
