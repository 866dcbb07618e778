"""Whether archives can be locked."""

from __future__ import annotations

from datetime import datetime, timedelta

from windrow.core.errors import DestinationError, DestinationFault
from windrow.doctor.check import State
from windrow.doctor.lock import ADVICE, lock_trial
from windrow.testing import START, FakeDestination


class Locking(FakeDestination):
    """A destination that locks what is stored, or says that it does not."""

    until: datetime | None = START + timedelta(minutes=1)

    def locked_until(self, key: str) -> datetime | None:
        """Return what was scripted, of an object that is there."""
        return self.until if key in self.objects else None


def test_a_bucket_with_object_lock_is_found() -> None:
    """An object was locked in it."""
    check = lock_trial(Locking(), "trial")
    assert (State.OK, "object lock") == (check.state, check.name)


def test_a_lock_that_is_not_kept_is_a_fault() -> None:
    """As is one that the user may not know of."""
    destination = Locking()
    destination.until = None
    check = lock_trial(destination, "trial")
    assert (State.FAIL, ADVICE) == (check.state, check.advice)


def test_a_bucket_that_refuses_locks_is_a_fault() -> None:
    """Each archive would be refused."""
    destination = Locking()

    def refuse(_operation: str) -> None:
        raise DestinationError("Bucket is missing ObjectLockConfiguration", DestinationFault.REFUSED)

    destination.hook = refuse
    check = lock_trial(destination, "trial")
    assert State.FAIL == check.state
    assert "missing ObjectLockConfiguration" in check.detail
