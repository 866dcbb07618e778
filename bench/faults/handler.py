"""Windrow's own handler in a worker that dies at named steps, for the campaign's workers.

Every port of the pipeline is wrapped. A step is a port operation, before or after it: ``destination.put after`` is the
instant at which the archive is committed and the worker does not know it yet. A trap is a file named after a step in
the folder that ``FAULTS_TRAPS`` names: the process that reaches the step first removes the file and kills itself with
SIGKILL. A poison object kills the process that reads it, every time, until the file ``poison-mended`` is there.

Nothing else is changed, except for constants, since a campaign of minutes must see what takes hours otherwise:

- Backoff is cut to a few seconds, and the gate remembers an answer for 1 s, not 10. The arithmetic of the real backoff
  has tests of its own (tests/unit/test_outage_arithmetic.py).
- The clients of the destination and of S3 give up after 4 s and 3 s of silence, not 15 and 10: a run lasts 10 or 15 s
  here, and with the real values it would be over before a client ever timed out.
- A large object is sent in the smallest parts that S3 takes (5 MiB), not 16 MiB, so that one of 6 MiB has several.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from windrow import bootstrap
from windrow.clients.destination.bucket import RequestPolicy
from windrow.clients.s3 import landing
from windrow.core.events import Message, SourceObject
from windrow.functions import aggregate
from windrow.pipeline import gate, large
from windrow.pipeline.aggregator import Aggregator

TRAPS = "FAULTS_TRAPS"
POISON = "poison/"
"""How a poison object's key begins."""
POISON_KILLS = "poison-kills"
POISON_MENDED = "poison-mended"
LONGEST_DELAY_S = 6
GATE_CACHE_S = 1.0
DESTINATION_READ_S = 4.0
LANDING_REQUEST_S, LANDING_RETRY_S = 3.0, 1.0
PART_BYTES = 5 * 1024 * 1024
PIECE_BYTES = 4 * 1024 * 1024

MULTIPART = ("begin", "send_part", "copy_part", "complete", "abort")
STEPS = {
    "landing": ("get", "stream"),
    "ledger": ("claim", "claims", "records", "take_over", "release", "expire", "record"),
    "destination": ("probe", "put", "head", "read", "overwrite", "delete", "list", *MULTIPART),
    "queue": ("set_visibility", "dead_letter", "delete"),
    "metrics": ("flush",),
}
"""The operations of each port at which the campaign kills: all of a batch, but for two of `windrow.ports.Metrics`,
which only add up in memory."""


def steps() -> list[str]:
    """Return the names of all steps."""
    return [f"{port}.{name} {when}" for port, names in STEPS.items() for name in names for when in ("before", "after")]


class _Stepped:
    """A port whose operations check for traps."""

    def __init__(self, name: str, port: Any, folder: Path) -> None:  # noqa: ANN401 - any of the ports
        self._name = name
        self._port = port
        self._folder = folder

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 - whatever the port has
        call = getattr(self._port, operation)
        if operation not in STEPS[self._name]:
            return call

        def stepped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            self._reach(f"{self._name}.{operation} before")
            result = call(*arguments, **named)
            self._reach(f"{self._name}.{operation} after")
            return result

        return stepped

    def _reach(self, step: str) -> None:
        trap = self._folder / step
        if trap.exists():
            try:
                trap.unlink()
            except FileNotFoundError:
                return  # another worker was quicker
            _die()


class _Poisoned(_Stepped):
    """The landing bucket, with objects that kill whoever reads them."""

    def get(self, source: SourceObject) -> Any:  # noqa: ANN401
        if source.key.startswith(POISON) and not (self._folder / POISON_MENDED).exists():
            with (self._folder / POISON_KILLS).open("ab") as kills:
                kills.write(b".")
            _die()
        get: Callable[[SourceObject], Any] = self.__getattr__("get")
        return get(source)

    @contextmanager
    def stream(self, source: SourceObject, chunk_bytes: int) -> Iterator[tuple[str | None, Iterator[Any]]]:
        """Open the object; it is over when its last piece was read."""

        def pieces() -> Iterator[Any]:
            yield from opened[1]
            self._reach("landing.stream after")

        self._reach("landing.stream before")
        with self._port.stream(source, chunk_bytes) as opened:
            yield opened[0], pieces()


class _Walked(_Stepped):
    """The destination, whose list is over when its last entry was read."""

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        self._reach("destination.list before")
        yield from self._port.list(prefix)
        self._reach("destination.list after")


class _Impatient(_Stepped):
    """The queue, with its delays cut."""

    def set_visibility(self, delays: Sequence[tuple[Message, int]]) -> None:
        self.__getattr__("set_visibility")([(message, min(LONGEST_DELAY_S, delay)) for message, delay in delays])


_WRAPPERS: dict[str, type[_Stepped]] = {"landing": _Poisoned, "destination": _Walked, "queue": _Impatient}


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit  # not reached: SIGKILL cannot be survived


def _trapped(settings: Any, **parts: Any) -> Aggregator:  # noqa: ANN401 - passed on as they come
    """Build the pipeline as `bootstrap.aggregator` asks for it, every port wrapped."""
    folder = Path(os.environ[TRAPS])
    for name in STEPS:
        parts[name] = _WRAPPERS.get(name, _Stepped)(name, parts[name], folder)
    return Aggregator(settings, **parts)


if TRAPS in os.environ:  # in the campaign's workers only, not where somebody asks for the steps
    bootstrap.Aggregator = _trapped  # type: ignore[attr-defined, assignment]  # the wiring stays the product's own
    gate.CACHE_S = GATE_CACHE_S
    bootstrap.destination = partial(bootstrap.destination, policy=RequestPolicy(read_s=DESTINATION_READ_S))
    landing.REQUEST_S = landing.READ_S = LANDING_REQUEST_S
    landing.RETRY_S = LANDING_RETRY_S
    large.HELD_BYTES = large.PART_BYTES = PART_BYTES
    large.PIECE_BYTES = PIECE_BYTES
handler = aggregate.handler
