"""When the event source mapping is switched off and on again. Pure: the sentinel does what this says."""

from __future__ import annotations

from enum import Enum, StrEnum, auto

import msgspec

OPEN_AFTER_FAILURES = 2
"""Failed probes in a row, a minute apart, that open the circuit."""


class Mode(StrEnum):
    """Who decides: the sentinel (auto), or an operator who holds the circuit open or closed."""

    AUTO = "auto"
    OPEN = "open"
    CLOSED = "closed"


class Circuit(msgspec.Struct, frozen=True):
    """The circuit breaker's memory between two runs of the sentinel.

    ``opened`` is true while the mapping is disabled *by Windrow*: a mapping that somebody disabled by hand is not
    Windrow's to enable. ``failures`` counts failed probes in a row, ``minute`` is the Unix minute of the last probe
    that was counted, ``fault`` its kind (empty when it succeeded), ``changed_at`` the Unix second of the last opening
    or closing. ``revision`` counts writes, so that of two sentinels running at once only one gets its way.
    """

    mode: Mode = Mode.AUTO
    opened: bool = False
    failures: int = 0
    minute: int = 0
    fault: str = ""
    changed_at: int = 0
    revision: int = 0


class Action(Enum):
    """What to do with the mapping."""

    NONE = auto()
    DISABLE = auto()
    ENABLE = auto()


def after_probe(circuit: Circuit, fault: str, *, now_s: int) -> tuple[Circuit, Action]:
    """Return the circuit after a probe that found ``fault`` (empty: the destination is up), and what to do.

    A second probe within the same minute changes the count of failures only if it succeeds, so that two sentinels
    running at once do not make one failure look like two in a row. The action is repeated every time, because an
    earlier one may have been lost; disabling or enabling twice is harmless.
    """
    minute = now_s // 60
    failures = 0 if not fault else circuit.failures + (minute > circuit.minute)
    opened = _opened(circuit, fault, failures)
    seen = msgspec.structs.replace(
        circuit,
        failures=failures,
        minute=minute,
        fault=fault,
        opened=opened,
        changed_at=now_s if opened != circuit.opened else circuit.changed_at,
        revision=circuit.revision + 1,
    )
    return seen, _action(circuit, opened=opened)


def set_mode(circuit: Circuit, mode: Mode, *, now_s: int) -> tuple[Circuit, Action]:
    """Return the circuit after an operator's command, and what to do at once.

    Going back to ``auto`` closes a circuit that was held open; the next failed probes may open it again.
    """
    opened = mode is Mode.OPEN
    held = Circuit(mode=mode, opened=opened, fault=circuit.fault, changed_at=now_s, revision=circuit.revision + 1)
    if mode is Mode.AUTO and not circuit.opened:
        return held, Action.NONE
    return held, Action.DISABLE if opened else Action.ENABLE


def _opened(circuit: Circuit, fault: str, failures: int) -> bool:
    if circuit.mode is not Mode.AUTO:
        return circuit.mode is Mode.OPEN
    if not fault:
        return False
    return circuit.opened or failures >= OPEN_AFTER_FAILURES


def _action(before: Circuit, *, opened: bool) -> Action:
    if opened:
        return Action.DISABLE
    if before.opened or before.mode is Mode.CLOSED:
        return Action.ENABLE
    return Action.NONE
