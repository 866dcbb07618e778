from __future__ import annotations

import threading
from typing import cast

from tests.unit.lab.load.records import delivery, member
from windrow.core.errors import DestinationError, DestinationFault
from windrow.lab.load.watch import DeliveryMonitor
from windrow.lab.stack.verification import Deliveries, Delivery


class Bucket:
    """Stands in for `Deliveries`: each look finds what comes next, or raises it; the last look stops the watch."""

    def __init__(self, looks: list[list[Delivery] | DestinationError], stop: threading.Event) -> None:
        self.archives: list[Delivery] = []
        self._looks = looks
        self._stop = stop

    def refresh(self) -> None:
        """Find what comes next."""
        look = self._looks.pop(0)
        if not self._looks:
            self._stop.set()
        if isinstance(look, DestinationError):
            raise look
        self.archives += look


def test_versions_of_archives_are_counted_once() -> None:
    """A file is delivered with the archive that lists it; archives that were seen are not read again."""
    stop = threading.Event()
    bucket = Bucket([[delivery("a", 1, [member(0, 0)])], [delivery("b", 2, [member(1, 0), member(2, 0)])]], stop)
    watch = DeliveryMonitor(cast("Deliveries", bucket))
    watch.poll()
    watch.poll()
    assert {("key 0", "v"), ("key 1", "v"), ("key 2", "v")} == watch.delivered
    assert 2 == watch.archives


def test_watch_outlives_an_outage() -> None:
    """A destination that does not answer is asked again."""
    stop = threading.Event()
    away = DestinationError("refused", DestinationFault.CONNECT)
    watch = DeliveryMonitor(
        cast("Deliveries", Bucket([away, away, [delivery("a", 1, [member(0, 0)])]], stop)), every_s=0.001
    )
    watch.run(stop)
    assert 1 == len(watch.delivered)
