"""The audit's memory does not grow with the number of files."""

from __future__ import annotations

import tracemalloc

from bench.audit import audit


def peak_bytes(files: int) -> int:
    """Return the most memory that Python objects took during an audit of so many files."""
    tracemalloc.start()
    try:
        audit(files, size=100)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_bounded() -> None:
    """Four times the files take the same memory: it holds the manifests that are read at once, and no more.

    Both are more than are read at once (8 archives of a hundred); how many of these are in hand at a moment is chance,
    and makes up to 1.4 times. Linear growth would be four times as much.
    """
    few, many = peak_bytes(2_000), peak_bytes(8_000)

    assert many < 2 * few


def test_large_audit_counts_right() -> None:
    """Over pages of rows and of archives nothing is dropped."""
    report = audit(20_500, missing_every=1000, size=1000)

    assert (20_500, 20_479, 21, 21) == (report.landed, report.delivered, report.missing, report.archives)
    assert (0, 0, 0, 0) == (report.duplicated, report.orphaned, report.broken, report.unrecorded)
