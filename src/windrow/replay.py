"""Replay: queue objects again, as if S3 had just announced them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from urllib.parse import quote_plus

import msgspec

from windrow.core.events import utc_text
from windrow.ports import Clock, ListedVersion, Sender

BATCH = 10
"""Messages of one SendMessageBatch."""


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
        started, before = self._clock.monotonic(), queued
        while piece := list(islice(iterator, BATCH)):
            self._sender.send([notification(version) for version in piece])
            queued += len(piece)
            last = piece[-1]
            note(Position(last.bucket, last.key, last.version_id, queued))
            ahead_s = (queued - before) / self._rate_per_s - (self._clock.monotonic() - started)
            if ahead_s > 0:
                self._clock.sleep(ahead_s)
        return queued


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
        item["versionId"] = version.version_id
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": utc_text(version.last_modified),
        "s3": {"bucket": {"name": version.bucket}, "object": item},
    }
    return msgspec.json.encode({"Records": [record]}).decode()
