"""Windrow's own handler in a worker that dies at named steps, for the campaign's workers.

Every port of the pipeline is wrapped. A step is a port operation, before or after it: ``destination.put after`` is the
instant at which the archive stands and nobody knows. A trap is a file named after a step in the folder that
``FAULTS_TRAPS`` names: the process that reaches the step first removes the file and kills itself with SIGKILL.
A poison object kills the process that reads it, every time, until the file ``poison-mended`` is there.

Nothing else is changed, except that backoff is cut to a few seconds and the gate remembers an answer for 1 s, not 10: a
campaign of minutes must see the retries that take hours otherwise. The arithmetic of the real backoff has tests of its
own (tests/unit/test_outage_arithmetic.py).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from windrow import bootstrap
from windrow.core.events import Message, SourceObject
from windrow.functions import aggregate
from windrow.pipeline import Aggregator
from windrow.steps import gate

TRAPS = "FAULTS_TRAPS"
POISON = "poison/"
"""How a poison object's key begins."""
POISON_KILLS = "poison-kills"
POISON_MENDED = "poison-mended"
LONGEST_DELAY_S = 6
GATE_CACHE_S = 1.0

STEPS = {
    "landing": ("get",),
    "ledger": ("claim", "claims", "records", "take_over", "release", "record"),
    "destination": ("probe", "put", "head", "read"),
    "queue": ("set_visibility", "dead_letter"),
    "metrics": ("flush",),
}
"""The operations of each port at which the campaign kills."""


def steps() -> list[str]:
    """Return the names of all steps."""
    return [f"{port}.{name} {when}" for port, names in STEPS.items() for name in names for when in ("before", "after")]


class _Stepped:
    """A port whose operations look for traps."""

    def __init__(self, name: str, port: object, folder: Path) -> None:
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


class _Impatient(_Stepped):
    """The queue, with its delays cut."""

    def set_visibility(self, delays: Sequence[tuple[Message, int]]) -> None:
        self.__getattr__("set_visibility")([(message, min(LONGEST_DELAY_S, delay)) for message, delay in delays])


_WRAPPERS: dict[str, type[_Stepped]] = {"landing": _Poisoned, "queue": _Impatient}


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
handler = aggregate.handler
