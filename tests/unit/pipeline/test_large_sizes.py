"""Large objects in their true sizes: what is read, held, sent and read back at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from windrow.core.planning import plan
from windrow.pipeline import large
from windrow.pipeline.deadline import Deadline
from windrow.pipeline.large import LargeArchiver, StagedArchive
from windrow.ports import Part
from windrow.testing import FakeClock, FakeDestination, FakeLanding, FakeMetrics

if TYPE_CHECKING:
    from typing_extensions import Buffer

MIB = 1024 * 1024
CHUNK_BYTES = 256 * 1024
"""A compressor gives no more at a time."""


class Noting(FakeDestination):
    """A destination that notes the bytes of parts and reads."""

    sent: dict[int, int]
    read_bytes: list[int]

    def send_part(self, key: str, upload_id: str, number: int, chunks: Sequence[Buffer], sha256: bytes) -> Part:
        """Note a part."""
        self.sent[number] = sum(memoryview(chunk).nbytes for chunk in chunks)
        return super().send_part(key, upload_id, number, chunks, sha256)

    def read(self, key: str, start: int, length: int) -> bytes:
        """Note a read."""
        self.read_bytes.append(length)
        return super().read(key, start, length)


def test_memory_holds_what_the_record_says() -> None:
    """Pieces of 8 MiB are read, 32 MiB wait for the manifest, parts have 16 MiB, and 8 MiB are read back at a time."""
    clock, landing = FakeClock(), FakeLanding()
    destination = Noting(clock)
    destination.sent, destination.read_bytes = {}, []
    pieces: list[str] = []
    landing.hook = pieces.append
    source = landing.put("landing", "big", Random(1).randbytes(MIB) * 52)
    (archive,) = plan([source], prefix="", max_archive_bytes=1000)
    archiver = LargeArchiver(landing, destination, FakeMetrics(), clock, prefix="", level=0, concurrency=16)

    built = archiver.build(archive, "owner", Deadline(clock, 60))

    assert isinstance(built, StagedArchive)
    assert 7 == pieces.count("piece")
    assert [1, 2, 3] == sorted(destination.sent)
    assert 32 * MIB <= destination.sent[1] < 32 * MIB + 2 * CHUNK_BYTES
    assert 16 * MIB <= destination.sent[2] < 16 * MIB + 2 * CHUNK_BYTES
    assert 8 * MIB == max(destination.read_bytes)


def test_the_sizes_are_those_of_the_decision_record() -> None:
    """To the byte: what is written there was measured with them."""
    record = (Path(__file__).parents[3] / "docs/decisions/0005-large-objects.md").read_text()
    named = {name: int(found) * MIB for name, found in re.findall(r"(Pieces of|The first|parts of) (\d+) MiB", record)}

    assert {"Pieces of": large.PIECE_BYTES, "The first": large.HELD_BYTES, "parts of": large.PART_BYTES} == named
