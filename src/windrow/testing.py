"""In-memory fakes of every port, for tests of what is built on them. They keep the ports' contracts.

Each fake calls its ``hook``, if it was given one, with the name of the operation (``"put"``) before anything happens,
and with the name and ``" done"`` (``"put done"``) when it has happened but the caller does not know yet. A hook that
raises makes the operation fail at that point: before, or with its reply lost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from threading import Event, RLock
from typing import TYPE_CHECKING

import msgspec

from windrow.core.circuit import Circuit, Streak
from windrow.core.described import Described, described
from windrow.core.errors import (
    AliasChanged,
    BucketMissing,
    CopyError,
    DeploymentError,
    DestinationError,
    DestinationFault,
    LedgerError,
    ObjectArchived,
    ObjectMissing,
    ObjectRefused,
    Permanent,
    QueueError,
    SourceChecksumWrong,
)
from windrow.core.events import Message, SourceObject
from windrow.core.ledger import ArchiveRecord, Claim
from windrow.core.metric import Metric
from windrow.ports import (
    Alias,
    Body,
    ByteRange,
    ClaimOutcome,
    Clock,
    Credentials,
    ListedVersion,
    Part,
    RawVersion,
    Stored,
    StoredCopy,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

Hook = Callable[[str], None]

SENT_AT_ONCE = 10
"""Messages of one SQS batch call."""

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _nothing(_operation: str) -> None:
    """Do nothing: the hook of a fake that never fails."""


class FakeClock:
    """A clock that moves only by `advance`, `sleep` and `wait`; ``sleeps`` lists the seconds slept."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._lock = RLock()
        self._passed_s = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        """Return the time it is by this clock."""
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        """Return the seconds that have passed on this clock."""
        return self._passed_s

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        with self._lock:
            self.sleeps.append(seconds)
            self.advance(seconds)

    def wait(self, event: Event, seconds: float) -> bool:
        """Move on at once; return whether the event is set."""
        self.advance(max(0.0, seconds))
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._passed_s += seconds


@dataclass(frozen=True)
class _Held:
    """One object of a landing bucket."""

    data: bytes
    described: Described
    archived: bool = False


@dataclass
class FakeLanding:
    """Landing buckets in memory; `put` and `remove` play the uploader."""

    hook: Hook = _nothing
    objects: dict[tuple[str, str, str], _Held] = field(default_factory=dict)
    """By bucket, key, and version id (or ETag)."""
    refusals: dict[str, Permanent] = field(default_factory=dict)
    """By object id, the error of an object that S3 refuses at each attempt."""
    reads: Counter[str] = field(default_factory=Counter)
    """How often each object id was read."""
    _versions: int = 0
    _lock: RLock = field(default_factory=RLock)

    def put(
        self,
        bucket: str,
        key: str,
        data: bytes,
        *,
        versioned: bool = True,
        declared_sha256: str | None = None,
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
        event_time: datetime = START,
    ) -> SourceObject:
        """Upload an object; return what its event names. Without versioning it replaces what the key held."""
        declared = {} if declared_sha256 is None else {"sha256": declared_sha256}
        headers = described(content_type, {**(metadata or {}), **declared})
        with self._lock:
            self._versions += 1
            version_id = f"v{self._versions}" if versioned else None
            etag = md5(data, usedforsecurity=False).hexdigest()
            if not versioned:
                for name in [name for name in self.objects if name[:2] == (bucket, key)]:
                    del self.objects[name]
            self.objects[bucket, key, version_id or etag] = _Held(data, headers)
            return SourceObject(bucket, key, version_id, etag, f"{self._versions:016X}", len(data), event_time)

    def remove(self, source: SourceObject) -> None:
        """Delete this very version."""
        with self._lock:
            self.objects.pop(_landing_key(source), None)

    def cover(self, source: SourceObject, data: bytes | None) -> None:
        """Put a version, or a delete marker, above an object from before versioning, which stays."""
        if data is not None:
            self.put(source.bucket, source.key, data)

    def archive(self, source: SourceObject) -> None:
        """Move the object to an archive storage class."""
        with self._lock:
            held = self.objects[_landing_key(source)]
            self.objects[_landing_key(source)] = _Held(held.data, held.described, archived=True)

    def refuse(self, source: SourceObject, rejection: Permanent | None) -> None:
        """Refuse an object from now on, or no longer."""
        if rejection is None:
            self.refusals.pop(source.object_id, None)
        else:
            self.refusals[source.object_id] = rejection

    def get(self, source: SourceObject) -> Body:
        """Return the exact version; see `windrow.ports.Landing`."""
        self.hook("get")
        self.reads[source.object_id] += 1
        held = self._find(source)
        self.hook("get done")
        return Body(held.data, held.described)

    @contextmanager
    def stream(self, source: SourceObject, chunk_bytes: int) -> Iterator[tuple[Described, Iterator[Buffer]]]:
        """Yield the object in pieces; the hook is called with ``"piece"`` before each."""
        yield self.get(source).described, self._pieces(source, chunk_bytes)

    def _pieces(self, source: SourceObject, chunk_bytes: int) -> Iterator[Buffer]:
        for start in range(0, source.size, chunk_bytes):
            self.hook("piece")
            yield self._find(source).data[start : start + chunk_bytes]

    def _find(self, source: SourceObject) -> _Held:
        with self._lock:
            held = self.objects.get(_landing_key(source))
        if held is None:
            raise ObjectMissing(f"{source.key!r} is not there")
        if source.object_id in self.refusals:
            raise ObjectRefused(self.refusals[source.object_id])
        if held.archived:
            raise ObjectArchived(f"{source.key!r} is archived")
        if len(held.data) != source.size:
            raise SourceChecksumWrong(f"{source.key!r} has {len(held.data)} bytes")
        return held


def _landing_key(source: SourceObject) -> tuple[str, str, str]:
    return source.bucket, source.key, source.version_id or source.etag


@dataclass
class FakeLedger:
    """A ledger in memory. A hook may raise `LedgerError` only."""

    hook: Hook = _nothing
    items: dict[str, Claim] = field(default_factory=dict)
    archives: dict[str, ArchiveRecord] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def claim(self, claims: Sequence[Claim]) -> list[ClaimOutcome]:
        """Put each claim if its object id is absent."""
        self.hook("claim")
        outcomes = []
        with self._lock:
            for claim in claims:
                taken = claim.object_id in self.items
                self.items.setdefault(claim.object_id, claim)
                outcomes.append(ClaimOutcome.TAKEN if taken else ClaimOutcome.WON)
        self.hook("claim done")
        return outcomes

    def take_over(self, pairs: Sequence[tuple[Claim, Claim]]) -> list[ClaimOutcome]:
        """Replace claims that are still as they were read."""
        self.hook("take_over")
        outcomes = [
            ClaimOutcome.WON if self._change(found, **msgspec.structs.asdict(wanted)) else ClaimOutcome.TAKEN
            for found, wanted in pairs
        ]
        self.hook("take_over done")
        return outcomes

    def release(self, claims: Sequence[Claim]) -> list[Claim]:
        """Set leases to 0; return what is not known released."""
        try:
            self.hook("release")
            left = [claim for claim in claims if not self._change(claim, lease_until=0)]
            self.hook("release done")
        except LedgerError:
            return list(claims)
        return left

    def expire(self, claims: Sequence[Claim], now: datetime) -> None:
        """End leases at ``now``."""
        self.hook("expire")
        for claim in claims:
            self._change(claim, lease_until=int(now.timestamp()))

    def claims(self, object_ids: Iterable[str]) -> dict[str, Claim]:
        """Read claims."""
        self.hook("claims")
        with self._lock:
            return {object_id: self.items[object_id] for object_id in object_ids if object_id in self.items}

    def records(self, archive_keys: Iterable[str]) -> dict[str, ArchiveRecord]:
        """Read archive records."""
        self.hook("records")
        with self._lock:
            return {key: self.archives[key] for key in archive_keys if key in self.archives}

    def record(self, record: ArchiveRecord) -> ArchiveRecord:
        """Write an archive record unless the key has one in another state; return the record that is kept."""
        self.hook("record")
        with self._lock:
            kept = self.archives.get(record.archive_key, record)
            if kept.state is record.state:
                self.archives[record.archive_key] = kept = record
        self.hook("record done")
        return kept

    def overrule(self, record: ArchiveRecord) -> None:
        """Write an archive record whatever is recorded."""
        self.hook("overrule")
        with self._lock:
            self.archives[record.archive_key] = record
        self.hook("overrule done")

    def _change(self, found: Claim, **changes: str | int) -> bool:
        """Change an item if owner and lease are still as found."""
        with self._lock:
            item = self.items.get(found.object_id)
            if item is None or (item.owner, item.lease_until) != (found.owner, found.lease_until):
                return False
            self.items[found.object_id] = msgspec.structs.replace(item, **changes)
            return True


@dataclass
class _Upload:
    """An upload in parts; ``parts`` are bytes by number."""

    key: str
    metadata: dict[str, str]
    verified: bool
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class FakeDestination:
    """A destination bucket in memory. A hook may raise `DestinationError` only."""

    clock: Clock = field(default_factory=FakeClock)
    hook: Hook = _nothing
    objects: dict[str, tuple[Stored, bytes]] = field(default_factory=dict)
    uploads: dict[str, _Upload] = field(default_factory=dict)
    """Uploads in parts that have not ended, by id."""
    _begun: int = 0
    _lock: RLock = field(default_factory=RLock)

    def probe(self) -> None:
        """Succeed, unless the hook raises."""
        self.hook("probe")

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store the chunks if the key is free and the digest is theirs."""
        self.hook("put")
        with self._lock:
            if key in self.objects:
                return False
            self._store(key, chunks, sha256, metadata)
        self.hook("put done")
        return True

    def overwrite(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> None:
        """Store the chunks, whatever is there, if the digest is theirs."""
        self.hook("overwrite")
        with self._lock:
            self._store(key, chunks, sha256, metadata)
        self.hook("overwrite done")

    def _store(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> None:
        body = b"".join(bytes(chunk) for chunk in chunks)
        if _digest(body) != sha256:
            raise DestinationError(f"PUT {key}: BadDigest", DestinationFault.CHECKSUM)
        names = {name.lower(): value for name, value in metadata.items()}
        self.objects[key] = Stored(len(body), _etag(body), names, sha256.hex(), self.clock.now()), body

    def head(self, key: str) -> Stored | None:
        """Return what is stored."""
        self.hook("head")
        with self._lock:
            return self.objects[key][0] if key in self.objects else None

    def read(self, key: str, start: int, length: int) -> bytes:
        """Return a part of an object."""
        self.hook("read")
        with self._lock:
            if key not in self.objects:
                raise DestinationError(f"GET {key}: NoSuchKey", DestinationFault.REFUSED)
            return self.objects[key][1][start : start + max(0, length)]

    def delete(self, key: str) -> None:
        """Delete an object; absent is fine."""
        self.hook("delete")
        with self._lock:
            self.objects.pop(key, None)
        self.hook("delete done")

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield keys and sizes in key order."""
        return ((key, stored.size) for key, stored in self._listed(prefix))

    def list_times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Yield keys and when they were stored in key order."""
        return ((key, stored.last_modified) for key, stored in self._listed(prefix))

    def _listed(self, prefix: str) -> Iterator[tuple[str, Stored]]:
        self.hook("list")
        with self._lock:
            found = [(key, self.objects[key][0]) for key in sorted(self.objects) if key.startswith(prefix)]
        yield from found

    def begin(self, key: str, metadata: Mapping[str, str], *, verified: bool) -> str:
        """Begin an upload in parts."""
        self.hook("begin")
        with self._lock:
            self._begun += 1
            upload_id = f"upload-{self._begun}"
            self.uploads[upload_id] = _Upload(key, {name.lower(): text for name, text in metadata.items()}, verified)
        self.hook("begin done")
        return upload_id

    def send_part(self, key: str, upload_id: str, number: int, chunks: Sequence[Buffer], sha256: bytes) -> Part:
        """Store a part if the digest is its own."""
        self.hook("send_part")
        body = b"".join(bytes(chunk) for chunk in chunks)
        if _digest(body) != sha256:
            raise DestinationError(f"PUT {key}: BadDigest", DestinationFault.CHECKSUM)
        part = self._keep(key, upload_id, number, body, verified=True)
        self.hook("send_part done")
        return msgspec.structs.replace(part, sha256=sha256)

    def copy_part(self, key: str, upload_id: str, number: int, span: ByteRange) -> Part:
        """Store a part from an object that is there with this ETag."""
        self.hook("copy_part")
        with self._lock:
            held = self.objects.get(span.key)
        if held is None or held[0].etag != span.etag:
            raise DestinationError(f"COPY {span.key}: PreconditionFailed", DestinationFault.REFUSED)
        body = held[1][span.start : span.start + span.length]
        part = self._keep(key, upload_id, number, body, verified=False)
        self.hook("copy_part done")
        return part

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Make the parts an object if the key is free and they are those that are held."""
        self.hook("complete")
        with self._lock:
            upload = self._upload(key, upload_id)
            if key in self.objects:
                return False
            held = {number: _etag(body) for number, body in upload.parts.items()}
            if not parts or any(held.get(part.number) != part.etag for part in parts):
                raise DestinationError(f"POST {key}: InvalidPart", DestinationFault.REFUSED)
            body = b"".join(upload.parts[part.number] for part in parts)
            digests = b"".join(bytes.fromhex(part.etag) for part in parts)
            etag = f"{_etag(digests)}-{len(parts)}"
            self.objects[key] = Stored(len(body), etag, upload.metadata, None, self.clock.now()), body
            del self.uploads[upload_id]
        self.hook("complete done")
        return True

    def abort(self, key: str, upload_id: str) -> None:
        """Abort an upload; absent is fine."""
        self.hook("abort")
        with self._lock:
            if upload_id in self.uploads and self.uploads[upload_id].key == key:
                del self.uploads[upload_id]
        self.hook("abort done")

    def _keep(self, key: str, upload_id: str, number: int, body: bytes, *, verified: bool) -> Part:
        with self._lock:
            upload = self._upload(key, upload_id)
            if upload.verified is not verified:
                raise DestinationError(f"PUT {key}: InvalidRequest", DestinationFault.REFUSED)
            upload.parts[number] = body
        return Part(number, _etag(body))

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload = self.uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise DestinationError(f"{key}: NoSuchUpload", DestinationFault.REFUSED)
        return upload


def _etag(body: bytes) -> str:
    return md5(body, usedforsecurity=False).hexdigest()


def _digest(body: bytes) -> bytes:
    return sha256(body).digest()


@dataclass
class FakeCopies:
    """A bucket for copies in memory. A hook may raise `CopyError` only."""

    hook: Hook = _nothing
    objects: dict[str, tuple[StoredCopy, bytes]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield keys and sizes in key order."""
        self.hook("list")
        with self._lock:
            found = sorted((key, copy.size) for key, (copy, _) in self.objects.items() if key.startswith(prefix))
        yield from found

    def head(self, key: str) -> StoredCopy | None:
        """Return what is stored."""
        self.hook("head")
        with self._lock:
            return self.objects[key][0] if key in self.objects else None

    def store(self, key: str, pieces: Iterable[Buffer], size: int, sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store the pieces if the key is free, and size and digest are theirs."""
        self.hook("store")
        body = b"".join(bytes(piece) for piece in pieces)
        if len(body) != size or _digest(body) != sha256:
            raise CopyError(f"{key}: {len(body)} bytes with another digest, or not {size} bytes")
        with self._lock:
            if key in self.objects:
                return False
            names = {name.lower(): text for name, text in metadata.items()}
            self.objects[key] = StoredCopy(size, names), body
        self.hook("store done")
        return True


@dataclass
class FakeRawFiles:
    """Deletes from landing buckets in memory; a version whose key is in ``refused`` stays, for the reason given."""

    landing: FakeLanding = field(default_factory=FakeLanding)
    hook: Hook = _nothing
    refused: dict[str, str] = field(default_factory=dict)

    def delete(self, versions: Sequence[RawVersion]) -> list[tuple[RawVersion, str]]:
        """Delete what is not refused."""
        self.hook("delete")
        for version in versions:
            if version.key not in self.refused:
                self.landing.objects.pop((version.bucket, version.key, version.version_id), None)
        self.hook("delete done")
        return [(version, self.refused[version.key]) for version in versions if version.key in self.refused]


@dataclass
class FakeQueue:
    """A queue that records its calls. Where the hook raises, the operation fails for all messages."""

    hook: Hook = _nothing
    visibility: dict[str, int] = field(default_factory=dict)
    """The seconds last set, by message id."""
    deleted: list[str] = field(default_factory=list)
    dead: dict[str, tuple[Message, Permanent]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def set_visibility(self, delays: Sequence[tuple[Message, int]]) -> None:
        """Remember the delays."""
        if self._answers("set_visibility"):
            with self._lock:
                self.visibility.update({message.message_id: seconds for message, seconds in delays})

    def delete(self, messages: Sequence[Message]) -> None:
        """Remember the deletions."""
        if self._answers("delete"):
            with self._lock:
                self.deleted.extend(message.message_id for message in messages)

    def dead_letter(self, rejects: Sequence[tuple[Message, Permanent]]) -> set[str]:
        """Remember the rejects."""
        if not self._answers("dead_letter"):
            return set()
        with self._lock:
            self.dead.update({message.message_id: (message, error) for message, error in rejects})
        return {message.message_id for message, _ in rejects}

    def _answers(self, operation: str) -> bool:
        try:
            self.hook(operation)
        except Exception:  # noqa: BLE001 - whatever a test raises stands for a queue that is down
            return False
        return True


@dataclass
class FakeSecrets:
    """Credentials in memory; ``refreshed`` counts `refresh`. A hook may raise `SecretError` only."""

    value: Credentials = field(default_factory=lambda: Credentials("access", "secret"))
    hook: Hook = _nothing
    refreshed: int = 0

    def credentials(self) -> Credentials:
        """Return the credentials."""
        self.hook("credentials")
        return self.value

    def refresh(self) -> Credentials:
        """Return the credentials, counting."""
        self.hook("refresh")
        self.refreshed += 1
        return self.value


@dataclass
class FakeMetrics:
    """Metrics in memory: ``counts`` and ``latencies`` hold what was flushed too, ``flushes`` how often that was."""

    counts: Counter[str] = field(default_factory=Counter)
    latencies: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    flushes: int = 0
    _lock: RLock = field(default_factory=RLock)

    def count(self, name: Metric, value: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self.counts[name] += value

    def latency(self, name: Metric, values_ms: Sequence[float]) -> None:
        """Add measurements."""
        with self._lock:
            self.latencies[name].extend(values_ms)

    def share(self, name: Metric, share: float) -> None:
        """Add a share in per cent."""
        with self._lock:
            self.latencies[name].append(100 * share)

    def flush(self) -> None:
        """Count the flush."""
        with self._lock:
            self.flushes += 1


@dataclass
class FakeLandingIndex:
    """Listings of landing buckets in memory. A hook may raise `LandingError` only."""

    listed: list[ListedVersion] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    hook: Hook = _nothing

    def versions(self, bucket: str, prefix: str) -> Iterator[ListedVersion]:
        """Yield the versions under the prefix in key order, of one key the newest first as S3 does."""
        self.hook("versions")
        if bucket in self.absent:
            raise BucketMissing(f"bucket {bucket!r} is not there")
        newest_first = sorted(self.listed, key=lambda version: version.last_modified, reverse=True)
        for version in sorted(newest_first, key=lambda version: version.key):
            if version.bucket == bucket and version.key.startswith(prefix):
                yield version


@dataclass
class FakeSender:
    """A sender that remembers the bodies it sent. A hook may raise `QueueError` only."""

    hook: Hook = _nothing
    bodies: list[str] = field(default_factory=list)

    def send(self, bodies: Sequence[str]) -> None:
        """Remember up to ten bodies."""
        self.hook("send")
        if len(bodies) > SENT_AT_ONCE:
            raise QueueError(f"{len(bodies)} messages are more than SQS takes at once")
        self.bodies.extend(bodies)
        self.hook("send done")


@dataclass
class FakeMapping:
    """An event source mapping's switch. A hook may raise `MappingError` only."""

    on: bool = True
    hook: Hook = _nothing

    def enabled(self) -> bool:
        """Return whether it is on."""
        self.hook("enabled")
        return self.on

    def enable(self) -> None:
        """Switch it on."""
        self.hook("enable")
        self.on = True
        self.hook("enable done")

    def disable(self) -> None:
        """Switch it off."""
        self.hook("disable")
        self.on = False
        self.hook("disable done")


@dataclass
class FakeFunctions:
    """A function's versions and one alias of it.

    ``published`` has each version's code, ``replaced`` what it replaced; ``broken`` is code whose smoke test fails.
    """

    published: dict[str, bytes] = field(default_factory=lambda: {"7": b""})
    current: Alias = field(default_factory=lambda: Alias("7", "r0"))
    routes: list[tuple[str, str | None, float]] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)
    broken: frozenset[bytes] = frozenset()
    hook: Hook = _nothing

    def alias(self) -> Alias:
        """Read the alias."""
        self.hook("alias")
        return self.current

    def route(self, alias: Alias, version: str, candidate: str | None = None, weight: float = 0.0) -> Alias:
        """Change the alias if its revision is the one that was read; what was noted there stays, if it fits."""
        self.hook("route")
        if alias.revision != self.current.revision:
            raise AliasChanged("stale")
        noted = self.current if self.current.version == version else None
        self.lead(version, candidate, weight)
        if noted:
            self._note(replaced=noted.replaced, withdrawn=noted.withdrawn)
        self.hook("route done")
        return self.current

    def replace(self, alias: Alias, version: str) -> Alias:
        """Change the alias and note what it led to."""
        self.route(alias, version)
        return self._note(replaced=alias.version)

    def restore(self, alias: Alias, version: str) -> Alias:
        """Change the alias and note what is taken out of service."""
        self.route(alias, version)
        return self._note(withdrawn=alias.candidate or alias.version)

    def lead(self, version: str, candidate: str | None = None, weight: float = 0.0) -> None:
        """Change the alias as a caller does who passes no revision."""
        self.routes.append((version, candidate, weight))
        self.current = Alias(version, f"r{len(self.routes)}", candidate, weight)

    def publish(self, package: bytes, replaces: str) -> str:
        """Publish, unless it is the code that was published last."""
        self.hook("publish")
        last = max(self.published, key=int)
        if self.published[last] == package:
            return last
        version = str(int(last) + 1)
        self.published[version], self.replaced[version] = package, replaces
        return version

    def smoke(self, version: str) -> None:
        """Fail if the code is broken."""
        self.hook("smoke")
        if self.published[version] in self.broken:
            raise DeploymentError(f"the smoke test of version {version} failed")

    def replaced_by(self, version: str) -> str | None:
        """Look it up."""
        return self.replaced.get(version)

    def unused(self) -> list[str]:
        """Return what the alias does not lead to."""
        self.hook("unused")
        return sorted(self.published.keys() - {self.current.version, self.current.candidate}, key=int)

    def delete(self, version: str) -> None:
        """Forget the version, unless the alias leads to it."""
        self.hook("delete")
        if version not in self.published or version in (self.current.version, self.current.candidate):
            raise DeploymentError(f"version {version} could not be deleted")
        del self.published[version]

    def _note(self, *, replaced: str | None = None, withdrawn: str | None = None) -> Alias:
        self.current = msgspec.structs.replace(self.current, replaced=replaced, withdrawn=withdrawn)
        return self.current


@dataclass
class FakeCircuits:
    """The circuit breaker's state in memory. A hook may raise `LedgerError` only."""

    circuit: Circuit = field(default_factory=Circuit)
    hook: Hook = _nothing

    def load(self) -> Circuit:
        """Return the state."""
        self.hook("load")
        return self.circuit

    def save(self, circuit: Circuit, *, replacing: Circuit) -> bool:
        """Write the state if its revision is still the one to replace."""
        self.hook("save")
        if self.circuit.revision != replacing.revision:
            return False
        self.circuit = circuit
        self.hook("save done")
        return True


@dataclass
class FakeDeliveryHealth:
    """How deliveries end, in memory; ``noted`` lists what was noted, in order. A hook may raise `LedgerError` only."""

    hook: Hook = _nothing
    noted: list[str] = field(default_factory=list)
    _failed: Streak = field(default_factory=Streak)
    _delivered_at: int = 0

    def record_failed(self, streak: Streak) -> None:
        """Remember failures in a row."""
        self.noted.append(f"failed {streak.failures}")
        self._failed = streak

    def record_delivered(self, at_s: int) -> None:
        """Remember a success."""
        self.noted.append("delivered")
        self._delivered_at = at_s

    def streak(self) -> Streak:
        """Return what was noted last."""
        self.hook("streak")
        return msgspec.structs.replace(self._failed, delivered_at=self._delivered_at)
