"""The circuit breaker of workers that follow no mapping: all follow its state in the ledger, one of them probes.

With a mapping, the sentinel opens the circuit by disabling the mapping. Without one, each worker reads the circuit in
place of the mapping, and the workers of a queue run the sentinel in turns.
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
    """A fixed configuration that is enabled while the circuit is closed. Implements `ConfigSource`."""

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
    """Runs the sentinel in turns with other workers, so that more workers do not mean more probes.

    Each probe gives the circuit a new revision. A worker that finds a revision that it has not seen publishes that
    probe's result instead of probing. If the worker that probes stops, another one takes over after two turns at most.
    """

    def __init__(self, sentinel: Sentinel, circuits: CircuitStore) -> None:
        self._sentinel = sentinel
        self._circuits = circuits
        self._seen: int | None = None

    def take(self) -> bool:
        """Probe, unless another worker did since the last turn; return whether it did. Raises as `Sentinel.run`."""
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
    """Take a turn every ``every_s`` seconds until ``wait`` returns True. A turn that fails is logged."""
    while True:
        try:
            turns.take()
        except WindrowError as error:
            _log.warning("the sentinel failed: %s", error)
        except Exception:  # noqa: BLE001 - the next turn may succeed
            _log.exception("the sentinel failed")
        if wait(every_s):
            return
