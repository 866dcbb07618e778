"""The fakes' own additions: hooks, clocks and the uploader's side."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest

from windrow.core.errors import DestinationError, DestinationFault, LedgerError, ObjectArchived, ObjectMissing
from windrow.core.ledger import Claim
from windrow.testing import (
    START,
    FakeClock,
    FakeDestination,
    FakeLanding,
    FakeLedger,
    FakeQueue,
    Hook,
)

CLAIM = Claim("b/k@1", "k.tar.gz", "me", 10, 99)


def failing(operation: str, error: BaseException) -> Hook:
    """Return a hook that raises at one point."""

    def hook(name: str) -> None:
        if name == operation:
            raise error

    return hook


def test_the_clock_moves_when_told_and_when_somebody_sleeps() -> None:
    """Both of its hands."""
    clock = FakeClock()
    clock.sleep(2)
    clock.advance(3.5)
    assert (START + timedelta(seconds=5.5), 5.5, [2]) == (clock.now(), clock.monotonic(), clock.sleeps)


@pytest.mark.parametrize(("point", "stored"), [("put", False), ("put done", True)])
def test_a_put_fails_before_or_after_the_fact(point: str, stored: bool) -> None:
    """The second is a reply that was lost."""
    error = DestinationError("lost", DestinationFault.SLOW, maybe_stored=True)
    destination = FakeDestination(hook=failing(point, error))
    with pytest.raises(DestinationError):
        destination.put("k", [b"x"], sha256(b"x").digest(), {})
    assert stored == ("k" in destination.objects)


@pytest.mark.parametrize(("point", "held"), [("claim", False), ("claim done", True)])
def test_a_claim_fails_before_or_after_the_fact(point: str, held: bool) -> None:
    """As a put does."""
    ledger = FakeLedger(hook=failing(point, LedgerError("lost")))
    with pytest.raises(LedgerError):
        ledger.claim([CLAIM])
    assert held == (CLAIM.object_id in ledger.items)


def test_release_answers_instead_of_raising() -> None:
    """As its contract says."""
    ledger = FakeLedger(hook=failing("release done", LedgerError("lost")))
    ledger.claim([CLAIM])
    assert ([CLAIM], 0) == (ledger.release([CLAIM]), ledger.items[CLAIM.object_id].lease_until)


def test_a_kill_goes_through_every_fake() -> None:
    """Nothing takes it for a failure."""
    with pytest.raises(KeyboardInterrupt):
        FakeQueue(hook=failing("delete", KeyboardInterrupt())).delete([])
    with pytest.raises(KeyboardInterrupt):
        FakeLedger(hook=failing("release", KeyboardInterrupt())).release([CLAIM])


def test_the_uploader_archives_and_removes() -> None:
    """What S3's lifecycle does, and what people do."""
    landing = FakeLanding()
    source = landing.put("b", "k", b"x")
    landing.archive(source)
    with pytest.raises(ObjectArchived):
        landing.get(source)
    landing.remove(source)
    with pytest.raises(ObjectMissing):
        landing.get(source)
    assert {source.object_id: 2} == landing.reads


def test_a_stream_may_break_at_any_piece() -> None:
    """The hook hears of each."""
    heard: list[str] = []
    landing = FakeLanding(hook=heard.append)
    with landing.stream(landing.put("b", "k", b"12345"), 2) as (_, pieces):
        assert [b"12", b"34", b"5"] == list(pieces)
    assert ["get", "get done", "piece", "piece", "piece"] == heard
