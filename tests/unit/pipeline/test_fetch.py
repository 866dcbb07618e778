"""Fetching and framing."""

from __future__ import annotations

from contextlib import _GeneratorContextManager
from hashlib import sha256
from threading import Barrier, get_ident

import pytest

from windrow.core.archive.writer import seal
from windrow.core.errors import LandingError, ObjectMissing, SourceChecksumWrong
from windrow.core.events import SourceObject
from windrow.core.manifest import Window
from windrow.core.windows import MINUTE, floor
from windrow.pipeline import fetch as fetch_module
from windrow.pipeline.byte_semaphore import ByteSemaphore
from windrow.pipeline.deadline import Deadline
from windrow.pipeline.fetch import Fetched, Fetcher
from windrow.settings import MIB
from windrow.testing import FakeClock, FakeLanding


@pytest.fixture
def landing() -> FakeLanding:
    """An empty landing bucket."""
    return FakeLanding()


def fetch(
    landing: FakeLanding, sources: list[SourceObject], *, concurrency: int = 4, frame_bytes: int = 1000
) -> Fetched:
    """Fetch sources with plenty of time."""
    fetcher = Fetcher(landing, concurrency=concurrency, frame_bytes=frame_bytes, level=6)
    return fetcher.fetch(sources, Deadline(FakeClock(), 900))


def digest(sources: list[SourceObject], landing: FakeLanding, concurrency: int) -> bytes:
    """Return the digest of the archive of these sources."""
    start = floor(sources[0].event_time, MINUTE)
    return seal(Window(start, start + MINUTE), fetch(landing, sources, concurrency=concurrency).frames, 6).sha256


def test_frames_hold_about_frame_bytes(landing: FakeLanding) -> None:
    """Small files share a frame, which may be just full; one that does not fit starts the next."""
    sources = [landing.put("landing", f"{n}", bytes(size)) for n, size in enumerate([400, 400, 400, 2000, 990, 10])]

    fetched = fetch(landing, sources)

    assert [[file.key for file in frame.files] for frame in fetched.frames] == [["0", "1"], ["2"], ["3"], ["4", "5"]]
    assert fetched.lost == {}


def test_many_tiny_files_are_fetched_side_by_side(landing: FakeLanding) -> None:
    """A frame holds so many files at most, and each frame is fetched on a thread of its own."""
    sources = [landing.put("landing", f"{n:04}", b"x") for n in range(4 * 128 + 1)]
    together = Barrier(4, timeout=60)
    met: set[int] = set()

    def meet(_operation: str) -> None:
        if get_ident() not in met:
            met.add(get_ident())
            together.wait()

    landing.hook = meet
    fetched = fetch(landing, sources, concurrency=4, frame_bytes=MIB)

    assert fetched.lost == {}
    assert [len(frame.files) for frame in fetched.frames] == [128] * 4 + [1]


def test_the_same_files_give_the_same_bytes_on_any_number_of_threads(landing: FakeLanding) -> None:
    """Threads finish in any order; frames stand in the order of the plan."""
    sources = [landing.put("landing", f"{n:03}", str(n).encode() * 50) for n in range(60)]

    assert len({digest(sources, landing, concurrency) for concurrency in (1, 2, 7, 16)}) == 1


def test_a_large_file_is_streamed_in_a_frame_of_its_own(landing: FakeLanding, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read in pieces and never held whole."""
    monkeypatch.setattr(fetch_module, "STREAM_FROM_BYTES", 5000)
    monkeypatch.setattr(fetch_module, "STREAM_PIECE_BYTES", 1000)
    pieces: list[str] = []
    landing.hook = pieces.append
    data = bytes(range(256)) * 20
    sources = [
        landing.put("landing", "a", b"small"),
        landing.put("landing", "b", data),
        landing.put("landing", "c", b""),
    ]

    fetched = fetch(landing, sources, frame_bytes=10**6)

    assert [[file.key for file in frame.files] for frame in fetched.frames] == [["a"], ["b"], ["c"]]
    assert fetched.frames[1].files[0].sha256 == sha256(data).hexdigest()
    assert pieces.count("piece") == 6


@pytest.mark.parametrize("size", [10, 6000], ids=["whole", "streamed"])
def test_a_declared_checksum_is_checked(landing: FakeLanding, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """``x-amz-meta-sha256`` in either case; a wrong one rejects the file."""
    monkeypatch.setattr(fetch_module, "STREAM_FROM_BYTES", 5000)
    data = b"d" * size
    right = landing.put("landing", "right", data, declared_sha256=sha256(data).hexdigest().upper())
    wrong = landing.put("landing", "wrong", data, declared_sha256="0" * 64)

    fetched = fetch(landing, [right, wrong])

    assert [file.key for frame in fetched.frames for file in frame.files] == ["right"]
    assert {name: type(error) for name, error in fetched.lost.items()} == {wrong.object_id: SourceChecksumWrong}


def test_a_file_that_drops_out_leaves_its_frame_to_the_others(landing: FakeLanding) -> None:
    """Missing is permanent, everything unforeseen is tried again."""
    first, gone, last = (landing.put("landing", name, b"x") for name in "abc")
    landing.remove(gone)

    fetched = fetch(landing, [first, gone, last])

    assert [file.key for frame in fetched.frames for file in frame.files] == ["a", "c"]
    assert isinstance(fetched.lost[gone.object_id], ObjectMissing)


def test_a_stream_that_breaks_costs_that_file(landing: FakeLanding, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece that does not come is a transient failure."""
    monkeypatch.setattr(fetch_module, "STREAM_FROM_BYTES", 5000)
    monkeypatch.setattr(fetch_module, "STREAM_PIECE_BYTES", 1000)

    def hook(name: str) -> None:
        if name == "piece":
            raise LandingError("reset")

    landing.hook = hook
    small, large = landing.put("landing", "a", b"x"), landing.put("landing", "b", bytes(9000))

    fetched = fetch(landing, [small, large])

    assert [file.key for frame in fetched.frames for file in frame.files] == ["a"]
    assert isinstance(fetched.lost[large.object_id], LandingError)


@pytest.mark.parametrize(("size", "pieces"), [(16 * MIB - 1, 0), (16 * MIB, 8)])
def test_files_from_16_mib_on_are_streamed_in_pieces_of_2(landing: FakeLanding, size: int, pieces: int) -> None:
    """Smaller ones are held whole."""
    asked: list[str] = []
    landing.hook = asked.append

    fetched = fetch(landing, [landing.put("landing", "a", bytes(size))], frame_bytes=32 * MIB)

    assert (pieces, 1) == (asked.count("piece"), len(fetched.frames))


def test_sixteen_frames_of_1_mib_are_in_work_at_once(landing: FakeLanding) -> None:
    """As many as there are threads by default: all wait for each other here."""
    sources = [landing.put("landing", f"{n}", bytes(MIB - 512)) for n in range(16)]
    together = Barrier(16, timeout=60)

    def meet(operation: str) -> None:
        if operation == "get":
            together.wait()

    landing.hook = meet

    assert {} == fetch(landing, sources, concurrency=16, frame_bytes=MIB).lost


def test_memory_is_taken_for_a_frame_as_fetched_joined_and_compressed(
    landing: FakeLanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three times its tar entries: of each file a block of header, and whole blocks of data."""
    taken: list[int] = []

    class Noting(ByteSemaphore):
        def hold(self, size: int) -> _GeneratorContextManager[None]:
            taken.append(size)
            return super().hold(size)

    monkeypatch.setattr(fetch_module, "ByteSemaphore", Noting)
    fetch(landing, [landing.put("landing", name, bytes(size)) for name, size in (("a", 1), ("b", 513), ("c", 900))])

    assert sorted([3 * (512 + 512 + 512 + 1024), 3 * (512 + 1024)]) == sorted(taken)


@pytest.mark.parametrize("size", [10, 5000])
def test_what_uploaders_said_goes_into_the_manifest(
    landing: FakeLanding, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Each file's own, whether it is held or streamed."""
    monkeypatch.setattr(fetch_module, "STREAM_FROM_BYTES", 1000)
    first = landing.put("landing", "a", bytes(size), content_type="text/csv", metadata={"camera": "7"})
    second = landing.put("landing", "b", bytes(size))

    files = [file for frame in fetch(landing, [first, second]).frames for file in frame.files]

    assert [("text/csv", {"camera": "7"}), ("", {})] == [(file.content_type, file.metadata) for file in files]
