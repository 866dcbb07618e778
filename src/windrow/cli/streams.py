"""The standard streams while a command runs: any text can be written, and failures to write are noticed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from windrow.core.errors import OutputLost


@contextmanager
def standard_streams() -> Iterator[None]:
    """Have `sys.stdout` raise `OutputLost` when it can't be written, and `sys.stderr` never fail.

    A message on standard error that can't be written must not stop the work. A pipe whose reader is gone is left to
    Rich and Typer, which end the command in silence. At the end of the process no buffer is left that could fail again.
    """
    given = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _prepared(given[0], _Output), _prepared(given[1], _Errors)
    try:
        yield
    finally:
        forget_output()
        sys.stdout, sys.stderr = given


def forget_output() -> None:
    """Discard what is left in either buffer if it can't be written: Python would end with 120."""
    for stream in (sys.stdout, sys.stderr):
        given = stream.given if isinstance(stream, _Stream) else stream
        try:
            given.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), given.fileno())


@contextmanager
def raising_if_lost() -> Iterator[None]:
    """Raise `OutputLost` for what writing to standard output raises inside the block."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost(f"standard output can't be written: {error.strerror}") from error


def _prepared(stream: TextIO | None, kind: type[_Stream]) -> TextIO:
    """Return a stream that takes any text; it discards all if the caller closed it, as with ``>&-``."""
    if stream is None:
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for good
    elif hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return cast("TextIO", kind(stream))


class _Stream:
    def __init__(self, stream: TextIO) -> None:
        self.given = stream

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a stream has
        return getattr(self.given, name)


class _Output(_Stream):
    def write(self, text: str) -> int:
        with raising_if_lost():
            return self.given.write(text)

    def flush(self) -> None:
        with raising_if_lost():
            self.given.flush()


class _Errors(_Stream):
    def write(self, text: str) -> int:
        with suppress(OSError):
            self.given.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self.given.flush()
