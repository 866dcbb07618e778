"""What the benchmark of a million files makes of the slices it measured."""

from collections.abc import Iterator
from contextlib import nullcontext

import msgspec
import pytest

from bench import million
from bench.million import GROWTH_MOST_BYTES, Slice, failures

FIRST = Slice(files=10, wall_s=1.0, cpu_s=0.1, peak_mb=130.0, missing=0, doubled=0)
MOST_MB = GROWTH_MOST_BYTES / 1e6


def after(grown_mb: float = 0.0, missing: int = 0, doubled: int = 0) -> list[Slice]:
    """Return a first slice, and one after which the process's peak is so much higher."""
    last = msgspec.structs.replace(FIRST, peak_mb=FIRST.peak_mb + grown_mb, missing=missing, doubled=doubled)
    return [FIRST, last]


def test_memory_may_grow_by_what_the_threads_may_keep() -> None:
    """A peak that rises a little is no leak; the first slice itself may take what it needs."""
    assert [] == failures(after(grown_mb=MOST_MB - 1))
    assert [] == failures([msgspec.structs.replace(FIRST, peak_mb=1_000.0)])


def test_memory_that_grows_by_more_is_a_failure() -> None:
    """It is told by how much it grew, and how much it might have."""
    assert ["memory grew by 51 MB after the first slice, more than 50 MB"] == failures(after(grown_mb=MOST_MB + 1))


def test_lost_and_doubled_files_are_failures() -> None:
    """Each is counted over all slices."""
    assert ["3 files lost", "1 files doubled"] == failures(after(missing=3, doubled=1))


@pytest.mark.parametrize(("slices", "code"), [(after(), 0), (after(grown_mb=60), 1), (after(missing=1), 1)])
def test_a_failure_is_the_exit_code(
    slices: list[Slice], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever runs it need not read the figures."""

    def measured(*_: object) -> Iterator[Slice]:
        return iter(slices)

    monkeypatch.setattr(million, "open_testbed", nullcontext)
    monkeypatch.setattr(million, "measure", measured)

    assert code == million.main(["--json"])
    assert failures(slices) == msgspec.json.decode(capsys.readouterr().out)["failures"]
