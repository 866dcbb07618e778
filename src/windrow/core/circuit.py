"""When the event source mapping is disabled and enabled again. Pure: the sentinel carries out what this decides.

Two things open the circuit: probes that fail, and deliveries that fail in a row while probes succeed. After failed
probes, it stays open until a probe succeeds. After failed deliveries, a successful probe proves little: the circuit
stays open for a hold time that doubles with each such opening, so that traffic does not return only to fail again.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto

import msgspec

OPEN_AFTER_FAILURES = 2
"""Failed probes in a row that open the circuit."""

MIN_INTERVAL_S = 40
"""A failed probe that starts sooner than this after the last one that was counted is not counted: the sentinel runs
once a minute, and two runs that the scheduler started at once must not open the circuit."""

FAILED_DELIVERIES = 3
"""Failed deliveries in a row, of one worker, that open the circuit if no other worker delivered in the meantime."""

RECENT_S = 3600
"""A delivery that failed longer ago than this is ignored."""

STRONG_EVERY_S = 3600
"""How often a probe sends as much as a delivery (2 MiB) while the destination is healthy."""

FIRST_HOLD_S = 120
LONGEST_HOLD_S = 3600
"""How long the circuit stays open although probes succeed. In four days it then opens about 100 times, which is how
often a message may be received."""


class Streak(msgspec.Struct, frozen=True):
    """Deliveries that failed in a row, as one worker counted them, and the last successful delivery of any worker.

    ``since`` and ``failed_at`` are the Unix seconds of the first and the last failure, ``fault`` is the last one's
    kind, ``delivered_at`` the Unix second of the last success.
    """

    failures: int = 0
    since: int = 0
    failed_at: int = 0
    fault: str = ""
    delivered_at: int = 0

    def is_current(self, now_s: int) -> bool:
        """Return whether the last known delivery failed, no longer than `RECENT_S` ago."""
        return self.failures > 0 and self.since > self.delivered_at and now_s - self.failed_at < RECENT_S


NO_STREAK = Streak()
"""No worker recorded anything."""


class Mode(StrEnum):
    """Who decides: the sentinel (``auto``), or an operator, who holds the circuit open or closed."""

    AUTO = "auto"
    OPEN = "open"
    CLOSED = "closed"


class Circuit(msgspec.Struct, frozen=True):
    """The circuit breaker's state between two runs of the sentinel. Times are Unix seconds.

    ``opened`` is true while the mapping is disabled *by Windrow*: Windrow never enables a mapping that somebody
    disabled by hand. ``failures`` counts failed probes in a row, and ``counted_at`` is the time of the last one that
    was counted. ``fault`` is the kind of fault that the last probe found, empty if it succeeded. ``changed_at`` is the
    time of the last opening or closing, ``strong_at`` that of the last successful probe that sent as much as a
    delivery. ``trips`` counts openings by failed deliveries since the last successful delivery. ``revision`` counts
    writes, so that only one of two sentinels that run at once can write.
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
    """Return whether the next probe must send as much as a delivery: one is due, or something failed lately."""
    return bool(circuit.fault) or streak.is_current(now_s) or now_s - circuit.strong_at >= STRONG_EVERY_S


def after_probe(
    circuit: Circuit,
    fault: str,
    *,
    streak: Streak = NO_STREAK,
    strong: bool = False,
    now_s: int,
    min_interval_s: int = MIN_INTERVAL_S,
) -> tuple[Circuit, Action]:
    """Return the circuit after a probe that found ``fault`` (empty: the destination is up), and what to do.

    ``now_s`` is the Unix second at which the probe started. The action is repeated every time, because an earlier one
    may have been lost; disabling or enabling twice is harmless.
    """
    blind = not fault and _deliveries_fail(streak, circuit, now_s)
    found = fault or (streak.fault if blind else "")
    held = not found and _is_held(circuit, now_s)
    found = circuit.fault if held else found
    counts = bool(found) and not held and now_s - circuit.counted_at >= min_interval_s
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
    """Return for how many seconds the circuit stays open after this many openings by failed deliveries."""
    return min(FIRST_HOLD_S * 2 ** min(trips - 1, 16), LONGEST_HOLD_S) if trips else 0


def without_opening(before: Circuit, after: Circuit) -> Circuit:
    """Return ``after`` without its opening, for a mapping that somebody has already disabled by hand.

    The circuit stays closed, so the next successful probe does not enable what Windrow did not disable.
    """
    return msgspec.structs.replace(after, opened=False, changed_at=before.changed_at)


def set_mode(circuit: Circuit, mode: Mode, *, now_s: int) -> tuple[Circuit, Action]:
    """Return the circuit after an operator's command, and what to do at once.

    Going back to ``auto`` always enables the mapping: a circuit that was held open is closed, and where one was held
    closed, the mapping may not be enabled yet. The next failed probes may open it again. If the mode is ``auto``
    already, nothing changes.
    """
    if mode is circuit.mode is Mode.AUTO:
        return circuit, Action.NONE
    opened = mode is Mode.OPEN
    held = Circuit(mode=mode, opened=opened, fault=circuit.fault, changed_at=now_s, revision=circuit.revision + 1)
    return held, Action.DISABLE if opened else Action.ENABLE


def _deliveries_fail(streak: Streak, circuit: Circuit, now_s: int) -> bool:
    """Return whether deliveries fail in a row; failures from before the last opening or closing no longer count."""
    return (
        streak.is_current(now_s)
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
