"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime

from windrow.clients.clock import SystemClock


def test_now_is_aware_utc() -> None:
    """And the present."""
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert UTC is now.tzinfo
    assert before <= now <= datetime.now(UTC)


def test_sleep_passes_time() -> None:
    """At least as much as asked for."""
    clock = SystemClock()
    start = clock.monotonic()
    clock.sleep(0.01)
    assert clock.monotonic() - start >= 0.01
