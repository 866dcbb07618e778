"""Gathers chunks of bytes into the parts of a multipart upload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


def in_parts(chunks: Iterable[Buffer], part_bytes: int) -> Iterator[list[Buffer]]:
    """Yield parts of ``part_bytes`` or more, each a list of chunks; only the last may be smaller."""
    part: list[Buffer] = []
    size = 0
    for chunk in chunks:
        part.append(chunk)
        size += memoryview(chunk).nbytes
        if size >= part_bytes:
            yield part
            part, size = [], 0
    if part:
        yield part
