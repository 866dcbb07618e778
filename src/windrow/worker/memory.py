"""Gives memory that the C library keeps for later use back to the system."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return the free pages of every arena of glibc's allocator; nothing with another C library.

    Each of the threads that fetch and compress allocates from an arena of its own, up to 8 for each processor, and
    glibc gives back only what is free at the end of one. So a process that has run many batches holds for every arena
    the most that it ever needed. https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
