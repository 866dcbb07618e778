"""The ports. Each docstring is the contract that every implementation is tested against.

Implementations raise the errors of `windrow.core.errors` only: a `Transient` where a retry may help, a `Permanent`
where it can't. All are safe to call from several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum, auto
from threading import Event
from typing import TYPE_CHECKING, Protocol

import msgspec

from windrow.core.circuit import Circuit, Streak
from windrow.core.described import Described
from windrow.core.errors import Permanent
from windrow.core.events import Message, SourceObject
from windrow.core.ledger import ArchiveRecord, Claim
from windrow.core.mapping import MappingConfig
from windrow.core.metric import Metric
from windrow.core.version_comparison import RolloutReading

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Clock(Protocol):
    """The time, which tests can control."""

    def now(self) -> datetime:
        """Return the current time as aware UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until the event is set, ``seconds`` at most; return whether it is set."""


class Body(msgspec.Struct, frozen=True):
    """An object's bytes, and its uploader's description of it."""

    data: Buffer
    described: Described = Described()


class Landing(Protocol):
    """Reads objects from landing buckets; never writes."""

    def get(self, source: SourceObject) -> Body:
        """Return the exact version that the event named: by version id, else only if the ETag still matches.

        Raises:
            ObjectMissing: that version is gone, or was overwritten in a bucket without versioning. An object stored
                before versioning was enabled is a version too, and may be overwritten.
            ObjectArchived: it must be restored from Glacier first.
            ObjectRefused: current policies or keys do not allow it to be read.
            SourceChecksumWrong: S3 holds another number of bytes than the event says.
            LandingError: any other failure that may pass, a body cut short included.
        """

    def stream(
        self, source: SourceObject, chunk_bytes: int
    ) -> AbstractContextManager[tuple[Described, Iterator[Buffer]]]:
        """Open the same object for reading in pieces of at most ``chunk_bytes``, for objects too large for memory.

        Gives its uploader's description, and the pieces in order. Raises as `get` does, also while pieces are read.
        """


class ListedVersion(msgspec.Struct, frozen=True):
    """One version of one object in a bucket listing; ``version_id`` is None without versioning."""

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: int
    last_modified: datetime


class LandingIndex(Protocol):
    """Lists landing buckets, for audit and replay."""

    def versions(self, bucket: str, prefix: str) -> Iterator[ListedVersion]:
        """Yield every version (no delete markers) under the prefix, in key order, page by page.

        Raises:
            LandingError: the listing failed; `BucketMissing` if there is no such bucket.
        """


class ClaimOutcome(Enum):
    """The result of one claim of a call."""

    WON = auto()
    TAKEN = auto()
    FAILED = auto()


class Ledger(Protocol):
    """Claims and archive records. Each write is atomic for its item; a batch is not atomic as a whole.

    A write whose response is lost may have happened: repeating it is harmless, since claims name their owner.
    """

    def claim(self, claims: Sequence[Claim]) -> list[ClaimOutcome]:
        """Write each claim if its object id is absent; return the outcomes in order. Never raises for single items.

        ``TAKEN``: an item exists already (it may be the caller's own, or one expired but not yet deleted).
        ``FAILED``: not known to be written; it may be released or tried again.

        Raises:
            LedgerError: the outcome of no claim is known.
        """

    def take_over(self, pairs: Sequence[tuple[Claim, Claim]]) -> list[ClaimOutcome]:
        """For each (found, wanted) pair replace ``found`` by ``wanted`` if owner and lease are still ``found``'s.

        Raises:
            LedgerError: the outcome of no claim is known.
        """

    def release(self, claims: Sequence[Claim]) -> list[Claim]:
        """Set the lease of each claim to 0 if owner and lease are unchanged; return those *not* known to be released.

        A claim that someone else took over meanwhile counts as not released. Never raises.
        """

    def expire(self, claims: Sequence[Claim], now: datetime) -> None:
        """End leases at ``now`` without releasing: the next worker must check the destination. Best effort."""

    def claims(self, object_ids: Iterable[str]) -> dict[str, Claim]:
        """Read claims strongly consistently; ids without one are left out. Raises `LedgerError`."""

    def records(self, archive_keys: Iterable[str]) -> dict[str, ArchiveRecord]:
        """Read archive records strongly consistently; keys without one are left out. Raises `LedgerError`."""

    def record(self, record: ArchiveRecord) -> ArchiveRecord:
        """Write an archive record unless the key has one in another state; return the record that the key has now.

        The first record decides: a committed key stays committed, a condemned key stays condemned.

        Raises:
            LedgerError: the record may have been written all the same.
        """

    def overrule(self, record: ArchiveRecord) -> None:
        """Write an archive record over any other. Only for an operator's decision. Raises `LedgerError`."""


class Stored(msgspec.Struct, frozen=True):
    """What the destination reports about an object it holds.

    ``metadata`` holds user metadata with lower-case names and no ``x-amz-meta-``. ``checksum_sha256`` is the hex
    digest of the whole body that the server itself computed, None if it kept none. ``version_id`` is None in a bucket
    without versioning.
    """

    size: int
    etag: str
    metadata: Mapping[str, str]
    checksum_sha256: str | None
    last_modified: datetime
    version_id: str | None = None


class Destination(Protocol):
    """The bucket that archives go to. The archive's presence there is the commit point."""

    def probe(self) -> None:
        """Make one cheap signed request (HEAD bucket); return if it succeeded.

        Raises:
            DestinationError: ``kind`` is the cause.
        """

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store the chunks as one object if no object has this key: whole and verified by the server, or not at all.

        ``sha256`` is the digest of the whole body. Returns False if the key exists already (nothing is changed).
        Tries once: the caller may repeat it safely.

        Raises:
            DestinationError: ``maybe_stored`` says whether the object may be there all the same.
        """

    def head(self, key: str) -> Stored | None:
        """Return what the server holds under the key, checksum included; None if nothing. Raises `DestinationError`."""

    def read(self, key: str, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start`` (fewer at the end of the object).

        Raises:
            DestinationError: also (kind ``refused``) when there is no such object.
        """

    def overwrite(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> None:
        """Store the chunks as `put` does, whatever is under the key. Only for a key that is condemned.

        Raises:
            DestinationError: ``maybe_stored`` says whether the object may be there all the same.
        """

    def delete(self, key: str) -> None:
        """Delete the object for good, the version that is there; absent is fine.

        Never for an archive key: the request may arrive late.

        Raises:
            DestinationError: the object may be deleted all the same, now or later.
        """

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size) of every object under the prefix in key order. Raises `DestinationError`."""


class ByteRange(msgspec.Struct, frozen=True):
    """``length`` bytes from ``start`` of the object ``key``, as long as it has this ETag (without quotes)."""

    key: str
    etag: str
    start: int
    length: int


class Part(msgspec.Struct, frozen=True):
    """One part of an upload: its number, counted from 1, and the server's ETag for it (without quotes).

    ``sha256`` is the digest that the server verified, None for a part that was copied.
    """

    number: int
    etag: str
    sha256: bytes | None = None


class MultipartDestination(Destination, Protocol):
    """A destination with multipart uploads, for objects too large for memory.

    An upload's parts are not an object until `complete`. Every part but the last must have 5 MiB at least. Parts may be
    sent in any order and concurrently.
    """

    def begin(self, key: str, metadata: Mapping[str, str], *, verified: bool) -> str:
        """Begin an upload and return its id. ``verified``: every part is sent with its digest; otherwise it is copied.

        Raises:
            DestinationError: an empty upload may have begun all the same.
        """

    def send_part(self, key: str, upload_id: str, number: int, chunks: Sequence[Buffer], sha256: bytes) -> Part:
        """Store a part, verified by the server, replacing any of this number. Raises `DestinationError`."""

    def copy_part(self, key: str, upload_id: str, number: int, span: ByteRange) -> Part:
        """Have the server store a part from an object that it holds; the ETag is its digest of what it copied.

        Raises:
            DestinationError: also (kind ``refused``) where the object is gone or has another ETag.
        """

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Make the parts one object if no object has this key; False if one has it (nothing is changed).

        Tries once, as `put` does.

        Raises:
            DestinationError: ``maybe_stored`` says whether the object may be there all the same.
        """

    def abort(self, key: str, upload_id: str) -> None:
        """Abort an upload and delete its parts; fine if it is gone or complete. Raises `DestinationError`."""


class StoredCopy(msgspec.Struct, frozen=True):
    """What the bucket for copies reports about a copy: its size, and its metadata as in `Stored`."""

    size: int
    metadata: Mapping[str, str]


class CopyStore(Protocol):
    """The bucket that keeps a copy of each archive, under the same key. A copy is never replaced."""

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size) of every copy under the prefix in key order. Raises `CopyError`."""

    def head(self, key: str) -> StoredCopy | None:
        """Return what is stored under the key, None if nothing. Raises `CopyError`."""

    def store(self, key: str, pieces: Iterable[Buffer], size: int, sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store the pieces as one object if no object has this key: whole and verified, or not at all.

        The object is created only if the pieces are ``size`` bytes with the digest ``sha256``, and the server verified
        what it received. Returns False if the key exists already (nothing is changed). Holds 16 MiB and a piece in
        memory, whatever the size. Errors of ``pieces`` pass through, and nothing is stored then.

        Raises:
            CopyError: nothing is stored, or (if a response was lost) the whole object is: `head` shows which.
        """


class RawVersion(msgspec.Struct, frozen=True):
    """One version of one object of a landing bucket."""

    bucket: str
    key: str
    version_id: str


class RawFiles(Protocol):
    """Deletes raw files from landing buckets, for good."""

    def delete(self, versions: Sequence[RawVersion]) -> list[tuple[RawVersion, str]]:
        """Delete exactly these versions; fine if one is gone.

        Returns those that are not known to be deleted, each with the reason. Never raises for single versions.
        """


class Queue(Protocol):
    """The source queue and its dead-letter queue, as the pipeline uses them.

    Failures are returned or logged, never raised; a call that fails counts as a failure of each of its messages.
    """

    def set_visibility(self, delays: Sequence[tuple[Message, int]]) -> None:
        """Hide each message for its number of seconds from now. Best effort: failures are logged."""

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages before the batch ends. Best effort: what stays is deleted with the batch's response."""

    def dead_letter(self, rejects: Sequence[tuple[Message, Permanent]]) -> set[str]:
        """Copy each message to the dead-letter queue with the reason as attributes; return the ids of those copied."""


class Received(msgspec.Struct, frozen=True):
    """One message that was received, and its encoded record for the Lambda event."""

    message_id: str
    receipt_handle: str
    record: bytes


class SourceQueue(Protocol):
    """The queue that the engine polls, as an event source mapping does."""

    def receive(self, count: int, wait_s: int) -> list[Received]:
        """Receive up to ``count`` (1 to 10) messages, waiting up to ``wait_s`` for the first. Raises `QueueError`."""

    def visibility_timeout_s(self) -> int:
        """Return how long the queue hides a received message. Raises `QueueError`."""

    def delete(self, messages: Sequence[Received]) -> int:
        """Delete the messages; return how many are known to be deleted. The others are received again."""

    def release(self, messages: Sequence[Received]) -> None:
        """Make the messages visible at once. Best effort: on failure they reappear after the visibility timeout."""


class ConfigSource(Protocol):
    """The engine's configuration, which it reads again every few seconds."""

    def read(self) -> MappingConfig:
        """Return the configuration as it is now.

        Raises:
            MappingError: it can't be read now.
            SettingsError: the engine does not support it.
        """


class Sender(Protocol):
    """Puts messages on the source queue, for replays."""

    def send(self, bodies: Sequence[str]) -> None:
        """Send up to ten messages. Raises `QueueError` unless all of them are queued."""


class QueueDepth(msgspec.Struct, frozen=True):
    """About how many messages a queue holds: ready, received and not deleted, and sent with a delay."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.visible + self.in_flight + self.delayed


class QueueStatistics(Protocol):
    """The depth of a queue and the age of its oldest message."""

    def depth(self) -> QueueDepth:
        """Return how many messages there are. Raises `QueueError`."""

    def oldest_age_s(self) -> float | None:
        """Return the age of the oldest message in seconds, None if it is not known. Raises `QueueError`."""


class Credentials(msgspec.Struct, frozen=True):
    """The destination secret. ``ca_pem`` holds the private CA's certificates, None for the system's.

    ``session_token`` belongs to temporary keys, as roles give them.
    """

    access_key: str
    secret_key: str
    ca_pem: str | None = None
    session_token: str | None = None

    def __repr__(self) -> str:
        return "Credentials(***)"


class Secrets(Protocol):
    """Where the destination's credentials come from."""

    def credentials(self) -> Credentials:
        """Return the credentials, at most 300 s old. Raises `SecretError`."""

    def refresh(self) -> Credentials:
        """Return the credentials read anew, for use after an authentication failure. Raises `SecretError`."""


class Metrics(Protocol):
    """Counts and latencies, kept until `flush`."""

    def count(self, name: Metric, value: int = 1) -> None:
        """Add to a counter."""

    def latency(self, name: Metric, values_ms: Sequence[float]) -> None:
        """Add measurements in milliseconds."""

    def flush(self) -> None:
        """Publish everything gathered since the last flush. Never raises."""


class DailyMetrics(Metrics, Protocol):
    """Metrics that include shares."""

    def share(self, name: Metric, share: float) -> None:
        """Add a share of 0 to 1, which is published in per cent."""


class Punctuality(msgspec.Struct, frozen=True):
    """How many files were delivered in a period, and how many of them took over 2 and over 3 minutes."""

    files: int
    over_2_minutes: int
    over_3_minutes: int


class PunctualityStatistics(Protocol):
    """How late the deliveries were."""

    def last_hour(self) -> Punctuality | None:
        """Return the counts of the last hour; None if there are none: nothing was delivered, or they are not published.

        Raises:
            MetricsError: they could not be read.
        """


class EventSourceMapping(Protocol):
    """Enables and disables the mapping that feeds the queue to the aggregator."""

    def enabled(self) -> bool:
        """Return whether it is enabled or about to be. Raises `MappingError`, `MappingBusy` if that is not known."""

    def enable(self) -> None:
        """Enable it; nothing happens if it is enabled. Raises `MappingError`, `MappingBusy` while it is changing."""

    def disable(self) -> None:
        """Disable it; nothing happens if it is disabled. Raises `MappingError`, `MappingBusy` while it is changing."""


class DeliveryHealth(Protocol):
    """Where workers record the results of their deliveries, for the sentinel to read."""

    def record_failed(self, streak: Streak) -> None:
        """Replace the recorded failures by this worker's failures in a row, without ``delivered_at``. Never raises."""

    def record_delivered(self, at_s: int) -> None:
        """Record that a delivery succeeded at a Unix second. Never raises."""

    def streak(self) -> Streak:
        """Return the failures and the success that were recorded last. Raises `LedgerError`."""


class CircuitStore(Protocol):
    """Where the circuit breaker's state is kept between runs."""

    def load(self) -> Circuit:
        """Return the state, a fresh `Circuit` if there is none. Raises `LedgerError`."""

    def save(self, circuit: Circuit, *, replacing: Circuit) -> bool:
        """Write the state if the stored revision is still ``replacing``'s; False if it is not. Raises `LedgerError`."""


NEWEST_STAGE = "windrow-newest"
"""Stage of the version that a rotation wrote last, whether or not that succeeded. ``AWSPENDING`` does not mark it:
Secrets Manager moves that stage to the next version before its first step, and an operator may remove it."""


class SecretVersions(Protocol):
    """The destination secret's versions, for rotation. Every method raises `RotationError` if it fails."""

    def staged(self, stage: str) -> tuple[str, Credentials] | None:
        """Return version id and value of the version that carries a stage (``AWSCURRENT``), None if none does."""

    def pending(self, token: str) -> Credentials | None:
        """Return the value of the version ``token``, None if it is not written yet."""

    def put_pending(self, token: str, credentials: Credentials) -> None:
        """Write version ``token`` and stage it ``AWSPENDING`` and `NEWEST_STAGE`, in one step."""

    def promote(self, token: str, *, from_version: str) -> None:
        """Move ``AWSCURRENT`` to version ``token``; the version before becomes ``AWSPREVIOUS``."""


class KeyAdmin(Protocol):
    """Creates and removes access keys of the destination, authorised by one of them (``acting``).

    Every method raises `RotationError` if it fails.
    """

    def create(self, acting: Credentials, new: Credentials) -> None:
        """Create a key with the permissions of ``acting``; fine if it exists already."""

    def remove(self, acting: Credentials, access_key: str) -> None:
        """Remove a key; fine if it is gone, or is of a kind that can't be removed this way."""


class Alias(msgspec.Struct, frozen=True):
    """Where the alias points: to ``version``, and a share ``weight`` (0 to 1) of the traffic to ``candidate`` if any.

    Deployments record two versions at the alias: ``replaced`` is the one that ``version`` replaced, ``withdrawn`` the
    one that a rollback to ``version`` took out of service.
    """

    version: str
    revision: str
    candidate: str | None = None
    weight: float = 0.0
    replaced: str | None = None
    withdrawn: str | None = None


class Functions(Protocol):
    """The function and its alias. Every method raises `DeploymentError` if Lambda refuses or fails."""

    def alias(self) -> Alias:
        """Read the alias."""

    def route(self, alias: Alias, version: str, candidate: str | None = None, weight: float = 0.0) -> Alias:
        """Change where the alias points if its revision is still the one read. Raises `AliasChanged` if it is not."""

    def replace(self, alias: Alias, version: str) -> Alias:
        """Point the alias to the version alone, as `route` does, and record there which version it replaced."""

    def restore(self, alias: Alias, version: str) -> Alias:
        """Point the alias to the version alone, as `route` does, and record there which version was withdrawn."""

    def publish(self, package: bytes, replaces: str) -> str:
        """Upload the code, wait until it is ready, and publish it as a version that records which one it replaces.

        Returns the version. That is the version published last, if code and configuration have not changed since.
        """

    def smoke(self, version: str) -> None:
        """Invoke the version with an event that has nothing to deliver. Raises `DeploymentError` if it fails."""

    def replaced_by(self, version: str) -> str | None:
        """Return the version that this one replaced, None if it was not published by a deployment."""

    def unused(self) -> list[str]:
        """Return the published versions that no alias points to, oldest first."""

    def delete(self, version: str) -> None:
        """Delete a version that no alias points to."""


class RolloutMonitor(Protocol):
    """The metrics and alarms by which a new version is judged. Raises `DeploymentError` if they can't be read."""

    def firing(self) -> frozenset[str]:
        """Return the alarms that are firing. Raises `DeploymentError` naming those that do not exist."""

    def read(self, version: str, before: str, since: datetime) -> RolloutReading:
        """Return the work of the new version and of the one ``before`` since then, and the alarms that are firing."""


class DeadLetters(Protocol):
    """The dead-letter queue's depth."""

    def depth(self) -> int:
        """Return about how many messages it holds. Raises `QueueError`."""


class Archives(Protocol):
    """The destination bucket, read only."""

    def head(self, key: str) -> Stored | None:
        """Return what the server holds under the key, None if nothing. Raises `DestinationError`."""

    def list_times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Yield (key, when it was stored) of every object under the prefix, page by page. Raises `DestinationError`."""


class StatementStore(Protocol):
    """Where statements are stored: a `Destination` that accepts content types, as far as statements need it."""

    def put(
        self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str], content_type: str
    ) -> bool:
        """Store an object if the key does not exist; see `windrow.ports.Destination`."""

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size); see `windrow.ports.Destination`."""


class TargetBucket(Protocol):
    """A bucket to restore to; see `windrow.ports.MultipartDestination`."""

    def probe(self) -> None:
        """Check that the bucket can be reached."""

    def head(self, key: str) -> Stored | None:
        """Return what the server holds under a key."""

    def read(self, key: str, start: int, length: int) -> bytes:
        """Return a range."""

    def put(
        self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str], content_type: str
    ) -> bool:
        """Store an object if the key does not exist."""

    def begin(self, key: str, metadata: Mapping[str, str], *, verified: bool, content_type: str) -> str:
        """Begin an upload in parts."""

    def send_part(self, key: str, upload_id: str, number: int, chunks: Sequence[Buffer], sha256: bytes) -> Part:
        """Store a part."""

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Make the parts one object if the key does not exist."""

    def abort(self, key: str, upload_id: str) -> None:
        """Abort an upload."""


class Lockable(Protocol):
    """A destination that locks what it stores."""

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store an object, locked. Raises `DestinationError`."""

    def locked_until(self, key: str) -> datetime | None:
        """Return until when an object is locked, None if it is not. Raises `DestinationError`."""


class Context(Protocol):
    """The part of Lambda's context object that is used: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left before Lambda ends the invocation."""
