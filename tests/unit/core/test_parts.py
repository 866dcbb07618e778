"""Parts of a multipart upload."""

from __future__ import annotations

import pytest

from windrow.core.parts import in_parts


@pytest.mark.parametrize(
    ("chunks", "parts"), [([5, 5, 5], [10, 5]), ([10, 10], [10, 10]), ([9, 9, 1], [18, 1]), ([], []), ([0], [0])]
)
def test_parts_are_cut_at_their_size_or_a_little_above(chunks: list[int], parts: list[int]) -> None:
    """Never below it: S3 refuses that for all but the last."""
    cut = in_parts([bytes(size) for size in chunks], 10)

    assert parts == [sum(memoryview(chunk).nbytes for chunk in part) for part in cut]
