"""When the event source mapping is switched off and on again. Pure: the sentinel does what this says."""

from __future__ import annotations

from enum import Enum, StrEnum, auto

import msgspec

OPEN_AFTER_FAILURES = 2
"""Failed probes in a row that open the circuit."""

APART_S = 40
"""A failed probe that starts sooner than this after the last one that was counted is the same failure: the sentinel
runs once a minute, and two that the scheduler started at once must not open the circuit."""


class Mode(StrEnum):
    """Who decides: the sentinel (auto), or an operator who holds the circuit open or closed."""

    AUTO = "auto"
    OPEN = "open"
    CLOSED = "closed"


class Circuit(msgspec.Struct, frozen=True):
    """The circuit breaker's memory between two runs of the sentinel.

    ``opened`` is true while the mapping is disabled *by Windrow*: a mapping that somebody disabled by hand is not
    Windrow's to enable. ``failures`` counts failed probes in a row, ``counted_at`` is the Unix second of the last one
    that was counted, ``fault`` the kind that the last probe found (empty when it succeeded), ``changed_at`` the Unix
    second of the last opening or closing. ``revision`` counts writes, so that of two sentinels running at once only
    one gets its way.
    """

    mode: Mode = Mode.AUTO
    opened: bool = False
    failures: int = 0
    counted_at: int = 0
    fault: str = ""
    changed_at: int = 0
    revision: int = 0


class Action(Enum):
    """What to do with the mapping."""

    NONE = auto()
    DISABLE = auto()
    ENABLE = auto()


def after_probe(circuit: Circuit, fault: str, *, now_s: int, apart_s: int = APART_S) -> tuple[Circuit, Action]:
    """Return the circuit after a probe that found ``fault`` (empty: the destination is up), and what to do.

    ``now_s`` is the Unix second at which the probe started. The action is repeated every time, because an earlier one
    may have been lost; disabling or enabling twice is harmless.
    """
    counts = bool(fault) and now_s - circuit.counted_at >= apart_s
    failures = circuit.failures + counts if fault else 0
    opened = _opened(circuit, fault, failures)
    seen = msgspec.structs.replace(
        circuit,
        failures=failures,
        counted_at=now_s if counts else circuit.counted_at,
        fault=fault,
        opened=opened,
        changed_at=now_s if opened != circuit.opened else circuit.changed_at,
        revision=circuit.revision + 1,
    )
    return seen, _action(circuit, opened=opened)


def left_alone(before: Circuit, after: Circuit) -> Circuit:
    """Return ``after`` without its opening: the mapping is disabled already, so somebody did that by hand.

    The circuit stays closed, and the next good probe will not enable what Windrow did not disable.
    """
    return msgspec.structs.replace(after, opened=False, changed_at=before.changed_at)


def set_mode(circuit: Circuit, mode: Mode, *, now_s: int) -> tuple[Circuit, Action]:
    """Return the circuit after an operator's command, and what to do at once.

    Going back to ``auto`` enables the mapping: a circuit that was held open is closed, and of one that was held closed
    the mapping may not be enabled yet. The next failed probes may open it again. In ``auto`` already, the command
    changes nothing.
    """
    if mode is circuit.mode is Mode.AUTO:
        return circuit, Action.NONE
    opened = mode is Mode.OPEN
    held = Circuit(mode=mode, opened=opened, fault=circuit.fault, changed_at=now_s, revision=circuit.revision + 1)
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
