"""Waits that grow with failures."""

from __future__ import annotations

from hashlib import sha256


def exponential_s(failures: int, *, first_s: float = 1.0, most_s: float = 30.0) -> float:
    """Return the wait after so many failures in a row: none, then ``first_s`` doubling up to ``most_s``."""
    if failures <= 0:
        return 0.0
    return min(most_s, first_s * 2.0 ** min(failures - 1, 16))


def spread(name: str) -> float:
    """Return a number from 0 to 1 that is always the same for a name; names are spread evenly."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") / 2**64
