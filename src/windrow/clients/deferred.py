"""Clients that are built when they are first used: building one reads AWS's service description, 7 to 60 ms CPU."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar, cast

T = TypeVar("T")

_lock = RLock()
"""One for all: boto3 sessions must not build two clients at once."""


class _Deferred:
    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._built: Any = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        with _lock:
            if self._built is None:
                self._built = self._build()
        return getattr(self._built, name)


def deferred(build: Callable[[], T]) -> T:
    """Return a stand-in for what ``build`` gives, which it builds at the first look at an attribute.

    A batch without trouble never needs SQS, and one that finds the destination down needs no ledger. An error of
    ``build`` is raised there, and ``build`` is tried again at the next look.
    """
    return cast("T", _Deferred(build))
