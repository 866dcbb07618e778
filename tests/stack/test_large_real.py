"""An object larger than an archive, through real clients: MinIO as landing bucket and destination."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import large
from bench.testbed import open_testbed

MIB = 1024 * 1024
HELD_MIB = 32
SMALL_MIB, LARGE_MIB = 160, 400
APART_MB = 40
"""Between two peaks: a few parts and pieces more under way. Were objects held, it would be 250."""


@pytest.mark.needs("minio")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_large_object_is_streamed_in_memory_that_its_size_does_not_matter_to() -> None:
    """Two that do not compress, where 32 MiB are held: each there once, verified, nothing left in the staging area."""
    small, larger = (_measure(mib) for mib in (SMALL_MIB, LARGE_MIB))

    assert abs(larger.peak_mb - small.peak_mb) < APART_MB
    assert larger.peak_mb < 400


def _measure(mib: int) -> large.Result:
    """Deliver an object of this size between servers of its own."""
    with open_testbed() as place:
        result = large.measure(place, mib * MIB, max_archive_bytes=HELD_MIB * MIB)
    assert result.archive_bytes > mib * MIB
    assert (result.left, result.requests["CompleteMultipartUpload"]) == (0, 2)
    assert result.requests["CopyObjectPart"] == result.requests["PutObjectPart"] > 2
    return result
