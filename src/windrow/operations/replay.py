"""Replay: queue objects again, as if S3 had just announced them."""

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


SPARE = timedelta(days=1)
"""For clocks that differ, for the listing between an object and the last of its ten, and for the run that delivers."""


class Position(msgspec.Struct, frozen=True):
    """The last object that was queued, and how many were: what a later run needs to go on from here."""

    bucket: str
    key: str
    version_id: str | None
    queued: int


class Replayer:
    """Sends notifications at a bounded rate. Delivering twice is not its worry: the ledger knows what is delivered."""

    def __init__(self, sender: Sender, clock: Clock, *, rate_per_s: float) -> None:
        self._sender = sender
        self._clock = clock
        self._rate_per_s = rate_per_s

    def replay(self, versions: Iterable[ListedVersion], note: Callable[[Position], None], *, queued: int = 0) -> int:
        """Queue every version; return how many, ``queued`` of an earlier run included.

        ``note`` is called after each ten that are queued for certain.

        Raises:
            QueueError: SQS did not take a message; what ``note`` was told of is queued.
        """
        iterator = iter(versions)
        # What the rate allows while the objects are found out, or while SQS is slow, is not made up for afterwards.
        due = self._clock.monotonic()
        while piece := list(islice(iterator, MESSAGES_A_CALL)):
            due = max(due, self._clock.monotonic()) + len(piece) / self._rate_per_s
            self._sender.send([notification(version) for version in piece])
            queued += len(piece)
            last = piece[-1]
            note(Position(last.bucket, last.key, last.version_id, queued))
            ahead_s = due - self._clock.monotonic()
            if ahead_s > 0:
                self._clock.sleep(ahead_s)
        return queued


class LedgerCorrector:
    """Has the ledger forget deliveries that the destination does not hold (any more).

    The archive was deleted, say, or is broken. The ledger still has it that its files are delivered, and a worker would
    acknowledge their messages without a look at the destination. ``quarantine`` is
    `windrow.operations.quarantine.Quarantine.quarantine`: it closes the key, after keeping what is there.

    ``unreadable`` tells why by the keys of archives that the destination refuses to give, while it gives others. What
    they hold cannot be known, so what the ledger has delivered in them is left out.
    """

    def __init__(self, ledger: Ledger, inspector: Inspector, quarantine: Callable[[str], object]) -> None:
        self._ledger = ledger
        self._inspector = inspector
        self._quarantine = quarantine
        self.unreadable: dict[str, str] = {}

    def reopened(self, versions: Iterable[ListedVersion]) -> Iterator[ListedVersion]:
        """Yield the versions that are to be queued, those left out that an archive turns out to hold.

        Raises:
            LedgerError, DestinationError: one of them could not be asked.
        """
        iterator = iter(versions)
        while piece := list(islice(iterator, BATCH_FILES)):
            yield from self._reopen(piece)

    def _reopen(self, versions: Sequence[ListedVersion]) -> list[ListedVersion]:
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
        """Return these if a committed archive holds them, else none: then its key is closed.

        It is gone, or broken, or something else stands there: deleted by mistake, it left its key to a late tombstone.
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
    """Lets through what can be queued again without being delivered twice; ``left_out`` counts the rest.

    Without versioning an object's identity holds the sequencer of its event, which no listing tells. Queued again, such
    an object is another one to the ledger. So it may pass only if no archive lists it, and its own event is neither in
    the queue nor in the dead-letter queue, from where it could be sent back.
    """

    def __init__(self, *, unversioned: bool) -> None:
        self._unversioned = unversioned
        self.left_out = 0

    def sift(self, versions: Iterable[ListedVersion]) -> Iterator[ListedVersion]:
        """Yield what passes."""
        for version in versions:
            if version.version_id is not None or self._unversioned:
                yield version
            else:
                self.left_out += 1


class TtlFilter:
    """Lets through what the ledger still remembers when a message that is sent now is handled; counts the rest.

    A delivery is remembered for ``ttl`` from its claim, so from the object's arrival at least. A message may wait for
    ``retention``, as long as the queue keeps it. ``left_out`` may begin with the count of earlier runs.
    """

    def __init__(self, clock: Clock, *, ttl: timedelta, retention: timedelta, left_out: int = 0) -> None:
        self._clock = clock
        self._span = ttl - retention - SPARE
        self.left_out = left_out

    @property
    def begins(self) -> datetime:
        """The arrival of the oldest object that may be queued now."""
        return self._clock.now() - self._span

    def sift(self, versions: Iterable[ListedVersion]) -> Iterator[ListedVersion]:
        """Yield what passes at the moment when it is asked for."""
        for version in versions:
            if version.last_modified >= self.begins:
                yield version
            else:
                self.left_out += 1


def after(versions: Iterable[ListedVersion], position: Position | None) -> Iterator[ListedVersion]:
    """Skip the versions up to and including ``position``; all of its bucket and key order must be the same.

    Should that very version have been deleted meanwhile, going on starts at its key again rather than behind it.
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
    """Return the body of an S3 event notification for a version, its arrival being the time S3 stored it."""
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
