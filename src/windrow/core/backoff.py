"""Waits that grow with failures."""

from __future__ import annotations


def exponential_s(failures: int, *, first_s: float = 1.0, most_s: float = 30.0) -> float:
    """Return the wait after so many failures in a row: none, then ``first_s`` doubling up to ``most_s``."""
    if failures <= 0:
        return 0.0
    return min(most_s, first_s * 2.0 ** min(failures - 1, 16))
