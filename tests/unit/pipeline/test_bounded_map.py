"""Work on threads, a few items at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from windrow.pipeline.bounded_map import bounded_map


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_results_come_in_order_and_no_item_is_asked_for_early(at_once: int) -> None:
    """Memory holds what is under way and nothing more."""
    asked: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            asked.append(number)
            yield number

    with ThreadPoolExecutor(8) as pool:
        results = []
        for result in bounded_map(pool, lambda number: number * 2, items(), at_once):
            results.append(result)
            assert len(asked) - len(results) < at_once
    assert [number * 2 for number in range(20)] == results


def test_a_failure_ends_it() -> None:
    """The error is raised where the result would be, and no further item is asked for."""
    asked: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            asked.append(number)
            yield 3 - number

    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        list(bounded_map(pool, lambda number: 6 // number, items(), 2))
    assert len(asked) <= 6
