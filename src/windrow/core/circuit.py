"""When the event source mapping is switched off and on again. Pure: the sentinel does what this says.

Two things speak against the destination: probes that fail, and deliveries that fail in a row while probes succeed. The
first open the circuit until a probe is good. The second mean that a probe does not see what is wrong: the circuit then
stays open for a time that doubles with each such opening, or each good probe would let in what soon fails again.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto

import msgspec

OPEN_AFTER_FAILURES = 2
"""Failed probes in a row that open the circuit."""

APART_S = 40
"""A failed probe that starts sooner than this after the last one that was counted is the same failure: the sentinel
runs once a minute, and two that the scheduler started at once must not open the circuit."""


FAILED_DELIVERIES = 3
"""Deliveries of one worker that fail in a row, with none anywhere between them, and speak against the destination."""

RECENT_S = 3600
"""A delivery that failed longer ago says nothing of now."""

STRONG_EVERY_S = 3600
"""How often a probe is as strong as a delivery while nothing speaks against the destination: it sends 2 MiB."""

FIRST_HOLD_S = 120
LONGEST_HOLD_S = 3600
"""How long the circuit stays open although probes succeed. Four days of openings by deliveries are about 100, which is
how often a message may be received."""


class Streak(msgspec.Struct, frozen=True):
    """Deliveries that failed in a row, as one worker counted them, and the last that succeeded, of any worker.

    ``since`` and ``failed_at`` are the Unix seconds of the first and the last failure, ``fault`` the last one's kind.
    """

    failures: int = 0
    since: int = 0
    failed_at: int = 0
    fault: str = ""
    delivered_at: int = 0

    def goes_on(self, now_s: int) -> bool:
        """Tell whether the last delivery that is known of failed, and lately."""
        return self.failures > 0 and self.since > self.delivered_at and now_s - self.failed_at < RECENT_S


UNHEARD = Streak()
"""No worker noted anything."""


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
    second of the last opening or closing. ``strong_at`` is the Unix second of the last good probe that was as strong as
    a delivery, ``trips`` counts openings by failed deliveries since the last delivery that succeeded. ``revision``
    counts writes, so that of two sentinels running at once only one gets its way.
    """

    mode: Mode = Mode.AUTO
    opened: bool = False
    failures: int = 0
    counted_at: int = 0
    fault: str = ""
    changed_at: int = 0
    strong_at: int = 0
    trips: int = 0
    revision: int = 0


class Action(Enum):
    """What to do with the mapping."""

    NONE = auto()
    DISABLE = auto()
    ENABLE = auto()


def wants_strong(circuit: Circuit, streak: Streak, now_s: int) -> bool:
    """Tell whether the next probe is to be as strong as a delivery: when one is due, or something speaks against it."""
    return bool(circuit.fault) or streak.goes_on(now_s) or now_s - circuit.strong_at >= STRONG_EVERY_S


def after_probe(
    circuit: Circuit,
    fault: str,
    *,
    streak: Streak = UNHEARD,
    strong: bool = False,
    now_s: int,
    apart_s: int = APART_S,
) -> tuple[Circuit, Action]:
    """Return the circuit after a probe that found ``fault`` (empty: the destination is up), and what to do.

    ``now_s`` is the Unix second at which the probe started. The action is repeated every time, because an earlier one
    may have been lost; disabling or enabling twice is harmless.
    """
    blind = not fault and _speaks_against(streak, circuit, now_s)
    found = fault or (streak.fault if blind else "")
    held = not found and _is_held(circuit, now_s)
    found = circuit.fault if held else found
    counts = bool(found) and not held and now_s - circuit.counted_at >= apart_s
    failures = circuit.failures + counts if found else 0
    opened = _opened(circuit, found, failures)
    seen = msgspec.structs.replace(
        circuit,
        failures=failures,
        counted_at=now_s if counts else circuit.counted_at,
        fault=found,
        opened=opened,
        changed_at=now_s if opened != circuit.opened else circuit.changed_at,
        strong_at=now_s if strong and not fault else circuit.strong_at,
        trips=_trips(circuit, streak, opening=opened and not circuit.opened, blind=blind),
        revision=circuit.revision + 1,
    )
    return seen, _action(circuit, opened=opened)


def hold_s(trips: int) -> int:
    """Return for how long the circuit stays open after so many openings by failed deliveries."""
    return min(FIRST_HOLD_S * 2 ** min(trips - 1, 16), LONGEST_HOLD_S) if trips else 0


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


def _speaks_against(streak: Streak, circuit: Circuit, now_s: int) -> bool:
    """Tell whether deliveries fail in a row; those from before the circuit changed have had their effect."""
    return (
        streak.goes_on(now_s)
        and streak.failed_at > circuit.changed_at
        and (streak.failures >= FAILED_DELIVERIES or circuit.trips > 0)
    )


def _is_held(circuit: Circuit, now_s: int) -> bool:
    automatic = circuit.mode is Mode.AUTO and circuit.opened
    return automatic and now_s - circuit.changed_at < hold_s(circuit.trips)


def _trips(circuit: Circuit, streak: Streak, *, opening: bool, blind: bool) -> int:
    if opening:
        return circuit.trips + 1 if blind else 0
    delivered = not circuit.opened and streak.delivered_at > circuit.changed_at
    return 0 if delivered else circuit.trips


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
