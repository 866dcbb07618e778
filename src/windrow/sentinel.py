"""The sentinel: probes the destination each minute, and opens or closes the circuit.

While the circuit is open the event source mapping is disabled: messages wait in the queue without being received, so
an outage of days costs no receives and sends nothing to the dead-letter queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256

from windrow.core.circuit import Action, Circuit, after_probe
from windrow.core.errors import DestinationError, DestinationFault
from windrow.ports import CircuitStore, Clock, Destination, EventSourceMapping, Metrics

SLOW_S = 10.0
"""A probe that takes longer than this counts as failed: archives would not get through in their run time."""

CANARY_FOLDER = ".windrow-canary"

_log = logging.getLogger(__name__)


class Sentinel:
    """One probe and what follows from it. Safe to run twice at once and to repeat."""

    def __init__(
        self,
        *,
        destination: Destination,
        prefix: str,
        mapping: EventSourceMapping,
        circuits: CircuitStore,
        metrics: Metrics,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._destination = destination
        self._prefix = prefix
        self._mapping = mapping
        self._circuits = circuits
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id

    def run(self) -> Circuit:
        """Probe, publish what was found, and switch the mapping if that follows; return the circuit as it is now.

        Raises:
            LedgerError: the circuit's state could not be read or written.
            MappingError: the mapping could not be switched; the next run tries again.
        """
        fault = self._probe()
        try:
            return self._follow(fault)
        finally:
            self._metrics.flush()

    def _probe(self) -> str:
        """Return the kind of fault that a probe finds, empty if none, and publish it."""
        started = self._clock.monotonic()
        fault = ""
        try:
            self._destination.probe()
            self._canary()
        except DestinationError as error:
            fault = error.kind.value
            _log.error("destination probe failed", extra={"kind": fault, "error": str(error)})
        took_s = self._clock.monotonic() - started
        if not fault and took_s > SLOW_S:
            fault = DestinationFault.SLOW.value
        self._metrics.latency("DestinationProbeMs", [took_s * 1000])
        self._metrics.count("DestinationUp", 0 if fault else 1)
        for kind in DestinationFault:
            self._metrics.count(f"DestinationFault{kind.value.capitalize()}", int(kind.value == fault))
        return fault

    def _canary(self) -> None:
        """Write, read back and delete a small object: what the aggregator will need to do."""
        name = self._new_id()
        key = "/".join(part for part in (self._prefix, CANARY_FOLDER, name) if part)
        body = name.encode()
        try:
            self._destination.put(key, [body], sha256(body).digest(), {})
            if self._destination.read(key, 0, len(body)) != body:
                raise DestinationError(f"{key} came back with other bytes", DestinationFault.CHECKSUM)
        finally:
            self._destination.delete(key)

    def _follow(self, fault: str) -> Circuit:
        before = self._circuits.load()
        after, action = after_probe(before, fault, now_s=int(self._clock.now().timestamp()))
        # The note that Windrow disabled the mapping comes first: without it nobody would enable it again. The note
        # that it is enabled again comes last.
        if action is not Action.ENABLE and not self._circuits.save(after, replacing=before):
            _log.info("another sentinel was quicker")
            return self._circuits.load()
        if action is Action.DISABLE:
            self._mapping.disable()
        elif action is Action.ENABLE:
            self._mapping.enable()
            if not self._circuits.save(after, replacing=before):
                _log.info("another sentinel was quicker")
                return self._circuits.load()
        if after.opened != before.opened:
            _log.warning("circuit %s", "opened" if after.opened else "closed", extra={"kind": fault})
        return after
