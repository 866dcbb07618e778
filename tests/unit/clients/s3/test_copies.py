"""The bucket for copies: what it holds of a large archive."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from windrow.clients.s3.copies import MOST_PARTS, PART_BYTES, S3Copies
from windrow.core.errors import CopyError

MIB = 1024 * 1024
PIECE_BYTES = 8 * MIB


class Uploads:
    """Takes an upload of parts, and keeps their sizes only."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.ended = ""

    def create_multipart_upload(self, **_call: Any) -> dict[str, str]:
        """Begin."""
        return {"UploadId": "1"}

    def upload_part(self, **call: Any) -> dict[str, str]:
        """Read the part as a connection does, and forget it."""
        size = 0
        while piece := call["Body"].read(64 * 1024):
            size += len(piece)
        assert size == call["ContentLength"]
        self.sizes.append(size)
        return {"ETag": '"e"'}

    def complete_multipart_upload(self, **call: Any) -> None:
        """Make it an object."""
        assert [number + 1 for number in range(len(self.sizes))] == [
            part["PartNumber"] for part in call["MultipartUpload"]["Parts"]
        ]
        self.ended = "complete"

    def abort_multipart_upload(self, **_call: Any) -> None:
        """Drop it."""
        self.ended = "aborted"


def zeros(pieces: int) -> Iterator[bytes]:
    """Yield new pieces."""
    for _ in range(pieces):
        yield bytes(PIECE_BYTES)


def store(uploads: Uploads, pieces: int, size: int, digest: bytes) -> bool:
    """Store so many pieces of zeros."""
    s3: Any = uploads
    return S3Copies("bucket", s3).store("k", zeros(pieces), size, digest, {})


def test_memory_does_not_grow_with_the_archive() -> None:
    """Of 256 MiB one part and a piece are held."""
    pieces = 32
    digest = sha256()
    for piece in zeros(pieces):
        digest.update(piece)
    uploads = Uploads()
    tracemalloc.start()
    try:
        assert store(uploads, pieces, pieces * PIECE_BYTES, digest.digest())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < PART_BYTES + 2 * PIECE_BYTES + MIB
    assert ("complete", [PART_BYTES] * 16) == (uploads.ended, uploads.sizes)


def test_a_body_that_never_ends_is_cut_off() -> None:
    """Not more is read than the archive has by its own word."""
    uploads = Uploads()
    with pytest.raises(CopyError, match="has more than"):
        store(uploads, 1_000_000, 3 * PART_BYTES, b"")
    assert ("aborted", 3) == (uploads.ended, len(uploads.sizes))


def test_parts_of_a_huge_archive_are_larger() -> None:
    """S3 takes 10,000 of them."""
    uploads = Uploads()
    with pytest.raises(CopyError, match="of 335544320000 bytes"):
        store(uploads, 5, 2 * MOST_PARTS * PART_BYTES, b"")
    assert ("aborted", [2 * PART_BYTES]) == (uploads.ended, uploads.sizes)
