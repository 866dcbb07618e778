"""Builds clients when they are first used: each reads AWS's service description, which takes 7 to 60 ms of CPU."""

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
    """Return a proxy for the result of ``build``, which is called when an attribute is first used.

    A batch without failures never needs SQS, and one that finds the destination down needs no ledger. An error of
    ``build`` is raised at that use, and ``build`` is called again at the next.
    """
    return cast("T", _Deferred(build))
