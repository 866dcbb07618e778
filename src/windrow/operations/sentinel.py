"""The sentinel: probes the destination each minute, and opens or closes the circuit.

While the circuit is open, the event source mapping is disabled: messages wait in the queue without being received, so
an outage of days costs no receives and sends nothing to the dead-letter queue.

A run must end well within its Lambda timeout of 58 s, or its result is lost. The longest probe has steps that end just
within `STRONG_SLOW_S` (20 s), then one that hangs (13 s with the client's timeouts, `PROBING`), together 33 s. If
instead the server refuses the credentials at the last moment, the secret is read again (9 s at most) and the request
repeated (11 s on the same connection): 53 s. Reading the circuit and the deliveries' results and switching the mapping
take less than a second while AWS works. Old canaries are deleted last, for at most `SLOW_S` and one more request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from windrow.core.backoff import RetryPolicy
from windrow.core.circuit import (
    MIN_INTERVAL_S,
    Action,
    Circuit,
    Mode,
    Streak,
    after_probe,
    set_mode,
    wants_strong,
    without_opening,
)
from windrow.core.errors import (
    DestinationError,
    DestinationFault,
    LedgerError,
    MappingBusy,
    MappingError,
    WindrowError,
)
from windrow.core.metric import Metric
from windrow.pipeline.probe import Probe
from windrow.ports import CircuitStore, Clock, DeliveryHealth, EventSourceMapping, Metrics

SLOW_S = 10.0
STRONG_SLOW_S = 20.0
"""A probe that takes longer than this has failed: archives could not be delivered in their run time. It ends with the
step that exceeds the limit. A strong one sends 2 MiB, which takes 8 s at 2 Mbit/s."""

COMMAND_ATTEMPTS = 5
"""How often an operator's command tries to write the circuit while a sentinel writes it too."""

SWITCHING = RetryPolicy(attempts=5, first_s=2.0, factor=1.0)
"""Lambda refuses changes to a mapping that is being changed. This adds 10 s at most to a successful probe's time."""

_log = logging.getLogger(__name__)


class Sentinel:
    """Probes the destination and opens or closes the circuit. Safe to run twice at once and to repeat.

    Two failed probes that start within ``min_interval_s`` count as one. ``written`` returns when the credentials that
    the probe used were written, None if that is not known.
    """

    def __init__(
        self,
        *,
        probe: Probe,
        mapping: EventSourceMapping,
        circuits: CircuitStore,
        deliveries: DeliveryHealth,
        written: Callable[[], datetime | None] = lambda: None,
        metrics: Metrics,
        clock: Clock,
        min_interval_s: int = MIN_INTERVAL_S,
    ) -> None:
        self._probe = probe
        self._mapping = mapping
        self._circuits = circuits
        self._deliveries = deliveries
        self._written = written
        self._metrics = metrics
        self._clock = clock
        self._min_interval_s = min_interval_s

    def run(self) -> Circuit:
        """Probe, publish the result, and switch the mapping if necessary; return the circuit as it is now.

        Raises:
            LedgerError: the circuit's state could not be read or written.
            MappingError: the mapping could not be switched; the next run tries again.
        """
        started_s = int(self._clock.now().timestamp())
        known, streak = self._known()
        strong = wants_strong(known, streak, started_s)
        fault = self._found(STRONG_SLOW_S if strong else SLOW_S, strong=strong)
        self._count_age()
        published = fault
        try:
            circuit = self._apply(fault, streak, started_s, strong=strong)
            published = fault or (circuit.fault if circuit.opened else "")
        finally:
            self.publish(published)
        if not fault:
            self._clean_up()
        return circuit

    def _known(self) -> tuple[Circuit, Streak]:
        """Return the circuit and the deliveries' results before the probe; initial ones if the ledger can't be read."""
        try:
            return self._circuits.load(), self._deliveries.streak()
        except LedgerError as error:
            _log.warning("probing without the ledger", extra={"error": str(error)})
            return Circuit(), Streak()

    def _found(self, most_s: float, *, strong: bool) -> str:
        """Return the kind of fault that a probe finds, empty if none."""
        started = self._clock.monotonic()
        fault = ""
        try:
            for _ in self._probe.steps(strong=strong):
                self._check_time(started, most_s)
        except DestinationError as error:
            fault = error.kind.value
            _log.error("destination probe failed", extra={"kind": fault, "error": str(error)})
        self._metrics.latency(Metric.DESTINATION_PROBE_MS, [(self._clock.monotonic() - started) * 1000])
        return fault

    def _count_age(self) -> None:
        """Publish the age of the credentials: nothing else shows that rotations do not happen."""
        written = self._written()
        if written is not None:
            self._metrics.count(Metric.CREDENTIALS_AGE_HOURS, (self._clock.now() - written) // timedelta(hours=1))

    def _check_time(self, started: float, most_s: float) -> None:
        took_s = self._clock.monotonic() - started
        if took_s > most_s:
            raise DestinationError(f"took longer than {most_s:.0f} s: {took_s:.1f} s so far", DestinationFault.SLOW)

    def publish(self, fault: str) -> None:
        """Publish the destination's fault, empty if none.

        If failed deliveries opened the circuit, that is their fault, whatever the probe found.
        """
        self._metrics.count(Metric.DESTINATION_UP, 0 if fault else 1)
        for kind in DestinationFault:
            self._metrics.count(Metric.of_fault(kind), int(kind.value == fault))
        self._metrics.flush()

    def _clean_up(self) -> None:
        """Delete canaries that earlier probes left behind, for `SLOW_S` at most. Best effort."""
        started = self._clock.monotonic()
        try:
            self._probe.clean_up(lambda: self._check_time(started, SLOW_S))
        except DestinationError as error:
            _log.warning("old canaries were not deleted", extra={"error": str(error)})

    def _apply(self, fault: str, streak: Streak, started_s: int, *, strong: bool) -> Circuit:
        before = self._circuits.load()
        after, action = after_probe(
            before, fault, streak=streak, strong=strong, now_s=started_s, min_interval_s=self._min_interval_s
        )
        if after.opened and not before.opened and not self._mapping.enabled():
            after, action = without_opening(before, after), Action.NONE
        # The opened circuit is saved before the mapping is disabled: otherwise nothing would enable it again. The
        # closed # circuit is saved after the mapping is enabled.
        if action is Action.ENABLE:
            self._mapping.enable()
        if not self._circuits.save(after, replacing=before):
            _log.info("another sentinel or an operator changed the circuit meanwhile")
            return self._follow_saved() if action is Action.ENABLE else self._circuits.load()
        if action is Action.DISABLE:
            self._mapping.disable()
        if after.opened != before.opened:
            _log.warning(
                "circuit %s", "opened" if after.opened else "closed", extra={"kind": after.fault, "trips": after.trips}
            )
        # If the circuit was closed since it was saved, the mapping may have been enabled before it was disabled here;
        # and nothing would enable a mapping that is disabled while the circuit is closed.
        if action is Action.DISABLE and self._circuits.load().revision != after.revision:
            return self._follow_saved()
        return after

    def _follow_saved(self) -> Circuit:
        """Switch the mapping as the circuit says that was saved meanwhile; return that circuit.

        It is read again afterwards, because it may have been changed once more, and the mapping with it.
        """
        failure: WindrowError = LedgerError("the circuit's state kept changing; the next run tries again")
        for _ in range(SWITCHING.attempts):
            circuit = self._circuits.load()
            try:
                if circuit.opened:
                    self._mapping.disable()
                else:
                    self._mapping.enable()
            except MappingError as error:
                failure = error
                self._clock.sleep(SWITCHING.first_s)
                continue
            if self._circuits.load().revision == circuit.revision:
                return circuit
        raise failure


class WithoutMapping:
    """Replaces the mapping where workers follow the circuit directly. Implements `EventSourceMapping`."""

    def __init__(self, circuits: CircuitStore) -> None:
        self._circuits = circuits

    def enabled(self) -> bool:
        """Return whether workers receive messages. Raises `MappingError`."""
        try:
            return not self._circuits.load().opened
        except LedgerError as error:
            raise MappingError(str(error)) from error

    def enable(self) -> None:
        """Do nothing: workers follow the circuit's state, which is saved already."""

    def disable(self) -> None:
        """Make sure that the circuit is open. Raises `MappingError`."""
        try:
            opened = self._circuits.load().opened
        except LedgerError as error:
            raise MappingError(f"workers follow the circuit in the ledger only: stop them by hand; {error}") from error
        if not opened:
            raise MappingError("the circuit was closed again meanwhile, and workers receive messages")


class Switch:
    """Sets the circuit for an operator."""

    def __init__(self, *, mapping: EventSourceMapping, circuits: CircuitStore, clock: Clock) -> None:
        self._mapping = mapping
        self._circuits = circuits
        self._clock = clock

    def state(self) -> Circuit:
        """Return the circuit as it is. Raises `LedgerError`."""
        return self._circuits.load()

    def enabled(self) -> bool:
        """Return whether the mapping polls. Raises `MappingError`."""
        return self._mapping.enabled()

    def set(self, mode: Mode) -> Circuit:
        """Hold the circuit open or closed, or return it to the sentinel; return its new state.

        Raises:
            LedgerError: the state could not be saved. For ``open``, the mapping is disabled all the same: an operator
                who lost the ledger must be able to stop the work.
            MappingError: the mapping could not be switched. For ``open`` and ``closed``, the sentinel tries again each
                minute; ``auto`` had no effect and must be repeated.
        """
        try:
            circuit = self._save(mode)
        except LedgerError as error:
            if mode is not Mode.OPEN:
                raise
            self._retried(self._mapping.disable)
            raise LedgerError(
                f"the mapping is disabled, but that could not be saved; repeat this once the ledger is up: {error}"
            ) from error
        if mode is Mode.AUTO:
            return circuit
        try:
            self._retried(self._mapping.disable if mode is Mode.OPEN else self._mapping.enable)
        except MappingBusy as error:
            raise MappingBusy(
                f"the circuit is held {mode.value} now, and the sentinel switches the mapping at its next run: {error}"
            ) from error
        return circuit

    def _retried(self, change: Callable[[], None]) -> None:
        """Switch the mapping; retry while Lambda is still making the last change, as after another command."""
        SWITCHING.call(change, lambda error: isinstance(error, MappingBusy), self._clock.sleep)

    def _save(self, mode: Mode) -> Circuit:
        for _ in range(COMMAND_ATTEMPTS):
            before = self._circuits.load()
            after, action = set_mode(before, mode, now_s=int(self._clock.now().timestamp()))
            # Before it is saved: once it is, the sentinel would not repeat it, since a closed circuit needs no change.
            if mode is Mode.AUTO and action is Action.ENABLE:
                self._retried(self._mapping.enable)
            if after == before or self._circuits.save(after, replacing=before):
                return after
        raise LedgerError("the circuit's state kept changing; try again")
