"""The circuit breaker of workers that follow no mapping: all heed its state in the ledger, one of them probes.

With a mapping, the sentinel opens the circuit by disabling that. Without one, each worker asks for the circuit itself
where others ask for the mapping, and runs the sentinel in turns with the others of its queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from windrow.core.circuit import Circuit
from windrow.core.errors import LedgerError, MappingError, WindrowError
from windrow.core.mapping import MappingConfig, check
from windrow.operations.sentinel import Sentinel
from windrow.ports import CircuitStore

PROBE_EVERY_S = 60
"""As often as the sentinel runs on Lambda."""

_log = logging.getLogger(__name__)


class CircuitSource:
    """A configuration given by hand that is enabled while the circuit is closed. Implements `ConfigSource`."""

    def __init__(self, config: MappingConfig, circuits: CircuitStore) -> None:
        self._config = check(config)
        self._circuits = circuits

    def read(self) -> MappingConfig:
        """Return the configuration as it is now. Raises `MappingError`."""
        try:
            opened = self._circuits.load().opened
        except LedgerError as error:
            raise MappingError(str(error)) from error
        return msgspec.structs.replace(self._config, enabled=not opened)


class Turns:
    """Runs the sentinel in turns with other workers, so that each further one sends the destination no further probes.

    Each probe is a new revision of the circuit. Who finds one that it has not seen publishes what that one found;
    when the worker that probes is gone, another does so two turns later at most.
    """

    def __init__(self, sentinel: Sentinel, circuits: CircuitStore) -> None:
        self._sentinel = sentinel
        self._circuits = circuits
        self._seen: int | None = None

    def take(self) -> bool:
        """Probe, unless another did since the last turn; tell whether it was probed. Raises as `Sentinel.run`."""
        circuit = self._known()
        if circuit and self._seen not in (None, circuit.revision):
            self._seen = circuit.revision
            self._sentinel.publish(circuit.fault)
            return False
        self._seen = self._sentinel.run().revision
        return True

    def _known(self) -> Circuit | None:
        try:
            return self._circuits.load()
        except LedgerError:
            return None


def keep_probing(turns: Turns, wait: Callable[[float], bool], every_s: float) -> None:
    """Take a turn each ``every_s`` seconds until ``wait`` tells that it is to stop. What fails is tried again."""
    while True:
        try:
            turns.take()
        except WindrowError as error:
            _log.warning("the circuit could not be looked after: %s", error)
        except Exception:  # noqa: BLE001 - the next turn may do better
            _log.exception("the circuit could not be looked after")
        if wait(every_s):
            return
