"""What has arrived at the destination so far."""

from __future__ import annotations

import logging
import threading

from windrow.core.errors import DestinationError
from windrow.lab.stack.verification import Deliveries, Version

POLL_S = 1.0

_log = logging.getLogger(__name__)


class DeliveryMonitor:
    """Looks for new archives each second, on a thread of its own; `delivered` may be read meanwhile."""

    def __init__(self, deliveries: Deliveries, every_s: float = POLL_S) -> None:
        self._deliveries = deliveries
        self._every_s = every_s
        self._counted: set[str] = set()
        self.delivered: set[Version] = set()
        self.archives = 0

    def poll(self) -> None:
        """Take in what is new. Raises `DestinationError`, `ArchiveError`."""
        self._deliveries.refresh()
        for delivery in self._deliveries.archives:
            if delivery.key not in self._counted:
                self._counted.add(delivery.key)
                self.delivered.update((file.key, file.version_id) for file in delivery.manifest.files)
        self.archives = len(self._counted)

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set. A destination that does not answer is polled again: the outage may be planned."""
        while not stop.wait(self._every_s):
            try:
                self.poll()
            except DestinationError as error:
                _log.debug("the destination did not answer: %s", error)
