"""Proves from the destination alone what was delivered: every file once, with the bytes that were uploaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from windrow.archives.sources import StoredArchive
from windrow.core.archive.reader import Archive
from windrow.core.errors import ArchiveError, SourceMissing
from windrow.core.keys import is_internal
from windrow.core.manifest import Manifest
from windrow.core.objectives import Latency, latency
from windrow.lab.stack.upload import Uploaded
from windrow.ports import Destination

Version = tuple[str, str | None]
"""Key and version id, which identify an upload."""

RESOLUTION = timedelta(seconds=1)
"""Of an object's time stamp in HTTP (Last-Modified)."""


class Delivery(msgspec.Struct, frozen=True):
    """One archive at the destination. ``committed_at`` is its time stamp there, cut to a second."""

    key: str
    size: int
    committed_at: datetime
    manifest: Manifest


class Deliveries:
    """The archives at the destination, read as they appear: one HEAD and one range read each."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._found: dict[str, Delivery] = {}
        self._versions: set[Version] = set()

    def refresh(self) -> None:
        """Look for archives that are new. Raises `DestinationError`, `ArchiveError`."""
        for key, size in self._destination.list(""):
            seen = self._found.get(key)
            # One of another size is a tombstone: the archive failed its verification.
            if (seen and seen.size == size) or is_internal(key):
                continue
            try:
                source = StoredArchive(self._destination, key)
            except SourceMissing:  # it was listed, and an operator has deleted it since
                continue
            manifest = Archive.open(source).manifest
            self._found[key] = Delivery(key, size, source.last_modified, manifest)
            self._versions.update((file.key, file.version_id) for file in manifest.files)

    @property
    def archives(self) -> list[Delivery]:
        """The archives found so far, by key."""
        return sorted(self._found.values(), key=lambda delivery: delivery.key)

    @property
    def count(self) -> int:
        """How many different object versions they hold."""
        return len(self._versions)


class Verification(msgspec.Struct, frozen=True):
    """What reading everything back showed.

    ``seen`` counts how often an archive holds each object version; ``wrong`` are versions whose bytes are other than
    those uploaded; ``problems`` says what is wrong with archives.
    """

    seen: Counter[Version]
    wrong: set[Version]
    problems: list[str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome, as ``--json`` prints it. Latencies are from event time to commit."""

    ok: bool
    files_uploaded: int
    files_delivered: int
    files_missing: int
    files_duplicated: int
    files_unexpected: int
    files_dead_lettered: int
    sha256_mismatches: int
    archives: int
    bytes_in: int
    bytes_out: int
    destination: str
    window_seconds: int
    latency_seconds: dict[str, float] | None
    objective_met: bool | None
    problems: list[str]


def verify(
    uploaded: Iterable[Uploaded],
    deliveries: Deliveries,
    destination: Destination,
    on_read: Callable[[int], object] = lambda _: None,
) -> Verification:
    """Read every archive back whole, once; ``on_read`` gets the number of new files. Raises `DestinationError`."""
    expected: dict[Version, str] = {(file.key, file.version_id): file.sha256 for file in uploaded}
    seen: Counter[Version] = Counter()
    wrong: set[Version] = set()
    problems: list[str] = []
    for delivery in deliveries.archives:
        listed = Counter((file.key, file.version_id) for file in delivery.manifest.files)
        try:
            for version, digest in _contents(destination, delivery.key):
                seen[version] += 1
                listed[version] -= 1
                if expected.get(version) not in (digest, None):
                    wrong.add(version)
                on_read(1)
        except ArchiveError as error:
            problems.append(f"{delivery.key}: {error}")
            # What is listed and can't be read is delivered wrong, not missing.
            seen.update(+listed)
            wrong.update(+listed)
    return Verification(seen, wrong, problems)


def report(
    uploaded: list[Uploaded],
    deliveries: Deliveries,
    found: Verification,
    *,
    kind: str,
    window_s: int,
    dead_lettered: list[str],
) -> Report:
    """Put together what was sent, what arrived and what was found; ``dead_lettered`` says why, for each message."""
    seen, wrong = found.seen, found.wrong
    sent: set[Version] = {(file.key, file.version_id) for file in uploaded}
    duplicated = sorted(version for version in sent if seen[version] > 1)
    missing = sorted(version for version in sent if not seen[version])
    unexpected = len(seen.keys() - sent)
    times = _latencies(deliveries, sent)
    problems = [
        *found.problems,
        *(f"missing: {key!r}" for key, _ in missing),
        *(f"twice: {key!r}" for key, _ in duplicated),
        *(f"other bytes than were uploaded: {key!r}" for key, _ in sorted(wrong)),
        *(f"dead-lettered, {why}" for why in dead_lettered),
    ]
    return Report(
        ok=not problems and not unexpected,
        files_uploaded=len(sent),
        files_delivered=len(sent) - len(missing),
        files_missing=len(missing),
        files_duplicated=len(duplicated),
        files_unexpected=unexpected,
        files_dead_lettered=len(dead_lettered),
        sha256_mismatches=len(wrong),
        archives=len(deliveries.archives),
        bytes_in=sum(file.size for file in uploaded),
        bytes_out=sum(delivery.size for delivery in deliveries.archives),
        destination=kind,
        window_seconds=window_s,
        latency_seconds=_percentiles(times),
        objective_met=times.objective_met if times else None,
        problems=problems,
    )


def _contents(destination: Destination, key: str) -> Iterable[tuple[Version, str]]:
    """Yield each file of an archive with the SHA-256 of its bytes, computed here."""
    archive = Archive.open(StoredArchive(destination, key))
    for file, pieces in archive.walk_whole(lambda _: None):
        digest = sha256()
        for piece in pieces:
            digest.update(piece)
        yield (file.key, file.version_id), digest.hexdigest()


def _latencies(deliveries: Deliveries, sent: set[Version]) -> Latency | None:
    """Take the end of the second that an archive's time stamp names: up to a second too long, never too short."""
    return latency(
        (delivery.committed_at + RESOLUTION - file.event_time).total_seconds()
        for delivery in deliveries.archives
        for file in delivery.manifest.files
        if (file.key, file.version_id) in sent
    )


def _percentiles(times: Latency | None) -> dict[str, float] | None:
    if times is None:
        return None
    return {"p50": times.p50, "p95": times.p95, "p99_9": times.p99_9, "max": times.max}
