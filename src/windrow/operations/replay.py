"""Replay: queues objects again, as if S3 had just announced them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from urllib.parse import quote_plus

import msgspec

from windrow.core.errors import ArchiveError, ChecksumMismatch, DestinationError, DestinationFault
from windrow.core.events import REPLAYED, SourceObject, utc_text
from windrow.core.sqs import MESSAGES_A_CALL
from windrow.pipeline.inspector import Inspector
from windrow.ports import Clock, Ledger, ListedVersion, Sender

BATCH_FILES = 100
"""Objects whose claims are read in one request."""


MARGIN = timedelta(days=1)
"""Safety margin for clocks that differ, the time to list ten objects for one call, and the run that delivers them."""


class Position(msgspec.Struct, frozen=True):
    """The last object that was queued, and how many were, so that a later run can continue from here."""

    bucket: str
    key: str
    version_id: str | None
    queued: int


class Replayer:
    """Sends notifications at a limited rate. Duplicates are harmless: the ledger records what is delivered."""

    def __init__(self, sender: Sender, clock: Clock, *, rate_per_s: float) -> None:
        self._sender = sender
        self._clock = clock
        self._rate_per_s = rate_per_s

    def replay(
        self, versions: Iterable[ListedVersion], on_queued: Callable[[Position], None], *, queued: int = 0
    ) -> int:
        """Queue every version; return how many, including the ``queued`` ones of an earlier run.

        ``on_queued`` is called after each call to SQS, when its ten messages are queued.

        Raises:
            QueueError: SQS did not accept a message; everything up to the last call of ``on_queued`` is queued.
        """
        iterator = iter(versions)
        # Time lost while objects are listed, or while SQS is slow, is not made up for at a higher rate.
        due = self._clock.monotonic()
        while piece := list(islice(iterator, MESSAGES_A_CALL)):
            due = max(due, self._clock.monotonic()) + len(piece) / self._rate_per_s
            self._sender.send([notification(version) for version in piece])
            queued += len(piece)
            last = piece[-1]
            on_queued(Position(last.bucket, last.key, last.version_id, queued))
            ahead_s = due - self._clock.monotonic()
            if ahead_s > 0:
                self._clock.sleep(ahead_s)
        return queued


class LedgerCorrector:
    """Closes the keys of recorded archives that the destination does not hold, so that their files can be delivered.

    Such an archive was deleted, or is broken. The ledger still records its files as delivered, and a worker would
    acknowledge their messages without checking the destination. ``quarantine`` is
    `windrow.operations.quarantine.Quarantine.quarantine`: it closes the key, after copying the archive.

    ``unreadable`` holds the errors of archives that can't be read while others can, by key. Their files are not known,
    so the files that the ledger records for them are left out.
    """

    def __init__(self, ledger: Ledger, inspector: Inspector, quarantine: Callable[[str], object]) -> None:
        self._ledger = ledger
        self._inspector = inspector
        self._quarantine = quarantine
        self.unreadable: dict[str, str] = {}

    def undelivered(self, versions: Iterable[ListedVersion]) -> Iterator[ListedVersion]:
        """Yield the versions that no archive holds; close the keys of recorded archives that are missing or broken.

        Raises:
            LedgerError, DestinationError: the ledger or the destination could not be read.
        """
        iterator = iter(versions)
        while piece := list(islice(iterator, BATCH_FILES)):
            yield from self._undelivered(piece)

    def _undelivered(self, versions: Sequence[ListedVersion]) -> list[ListedVersion]:
        claims = self._ledger.claims(_object_id(version) for version in versions)
        records = self._ledger.records({claim.archive_key for claim in claims.values()})
        recorded = defaultdict(set)
        for object_id, claim in claims.items():
            record = records.get(claim.archive_key)
            if record and record.is_committed and record.lists(object_id):
                recorded[claim.archive_key].add(object_id)
        held = {object_id for key, ids in recorded.items() for object_id in self._held(key, ids)}
        return [version for version in versions if _object_id(version) not in held]

    def _held(self, key: str, object_ids: set[str]) -> Collection[str]:
        """Return these ids if the archive holds them; otherwise close its key and return none.

        Otherwise means that it is gone or broken, or that a late tombstone took its key after it was deleted by
        mistake.
        """
        try:
            found = self._inspector.inspect(key)
        except (ChecksumMismatch, ArchiveError):
            found = None
        except DestinationError as error:
            if error.kind is not DestinationFault.REFUSED:
                raise
            self.unreadable[key] = str(error)
            return object_ids
        if found is not None and object_ids <= found.manifest.object_ids:
            return object_ids
        self._quarantine(key)
        return ()


class VersionFilter:
    """Selects versions that can be queued again without being delivered twice; ``left_out`` counts the others.

    Without versioning, an object's id contains the sequencer of its event, which no listing has. Queued again, such an
    object has another id in the ledger. So it may be queued only if no archive lists it, and its own event is neither
    in the queue nor in the dead-letter queue, from which it could be redriven.
    """

    def __init__(self, *, unversioned: bool) -> None:
        self._unversioned = unversioned
        self.left_out = 0

    def select(self, versions: Iterable[ListedVersion]) -> Iterator[ListedVersion]:
        """Yield the versions that can be queued again."""
        for version in versions:
            if version.version_id is not None or self._unversioned:
                yield version
            else:
                self.left_out += 1


class TtlFilter:
    """Selects versions that the ledger still remembers when a message sent now is processed; counts the others.

    The ledger remembers a delivery for ``ttl`` from its claim, so at least from the object's arrival. A message may
    wait for ``retention``, as long as the queue keeps it. ``left_out`` may start with the count of earlier runs.
    """

    def __init__(self, clock: Clock, *, ttl: timedelta, retention: timedelta, left_out: int = 0) -> None:
        self._clock = clock
        self._span = ttl - retention - MARGIN
        self.left_out = left_out

    @property
    def begins(self) -> datetime:
        """The arrival of the oldest object that may be queued now."""
        return self._clock.now() - self._span

    def select(self, versions: Iterable[ListedVersion]) -> Iterator[ListedVersion]:
        """Yield the versions that arrived since `begins`, at the time at which each is read."""
        for version in versions:
            if version.last_modified >= self.begins:
                yield version
            else:
                self.left_out += 1


def after(versions: Iterable[ListedVersion], position: Position | None) -> Iterator[ListedVersion]:
    """Yield the versions after ``position``; they must be in the same order by bucket and key as before.

    If that version has been deleted meanwhile, the versions of its key are yielded again.
    """
    iterator = iter(versions)
    if position is None:
        yield from iterator
        return
    held: list[ListedVersion] = []
    for version in iterator:
        place = (version.bucket, version.key)
        if place < (position.bucket, position.key):
            continue
        if place == (position.bucket, position.key):
            held.append(version)
            if version.version_id == position.version_id:
                held.clear()
            continue
        yield from held
        held.clear()
        yield version
        break
    yield from held
    yield from iterator


def notification(version: ListedVersion) -> str:
    """Return the body of an S3 event notification for a version; its event time is the time at which S3 stored it."""
    item: dict[str, object] = {
        "key": quote_plus(version.key, safe="/"),
        "size": version.size,
        "eTag": version.etag,
        "sequencer": "",
    }
    if version.version_id is not None:
        item |= {"versionId": version.version_id, "sequencer": REPLAYED}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": utc_text(version.last_modified),
        "s3": {"bucket": {"name": version.bucket}, "object": item},
    }
    return msgspec.json.encode({"Records": [record]}).decode()


def _object_id(version: ListedVersion) -> str:
    source = SourceObject(
        version.bucket, version.key, version.version_id, version.etag, "", version.size, version.last_modified
    )
    return source.object_id
