"""Every error that Windrow raises on purpose.

WindrowError
├── SettingsError             a setting is missing, unknown or wrong
├── LocalStackError           a server of the local stack did not start or is not there
├── RotationError             a step of a credential rotation failed; Secrets Manager repeats it
├── ArchiveError              an archive is not a sound ``windrow/1`` archive
├── PriceError                a price is unknown, or a price file can't be read
├── PackageError              the Lambda zip could not be built
├── DeploymentError           a deployment could not start, or could not go on
│   └── AliasChanged          somebody else changed the alias meanwhile
├── QuarantineError           the object to be quarantined is not an archive
├── SourceMissing             there is no archive at the given location
├── TargetError               a file could not be written below the target folder
├── TargetConflict            files of two landing buckets would land on one key
├── WrongUse                  what the user asked a command for can't be done
├── OutputLost                standard output can't be written any more
├── FailedDestination         the destination failed; the command says what to do
├── UnforeseenError           an error that Windrow does not know ended a command
├── HandlerNotLoaded          a worker could not import the handler
├── WorkerDied                a worker exited before it responded
├── ResponseError             a handler's response does not say which messages failed
├── Transient                 may pass: the messages are retried
│   ├── LandingError          the landing bucket did not serve the object
│   │   ├── BucketMissing     there is no such bucket
│   │   ├── InventoryError    an inventory of it is missing, incomplete, or lacks a field
│   │   └── ObjectRefused     it refuses to; if that lasts, the object is rejected (with ``rejection``)
│   ├── CopyError             the bucket for copies of archives did not do what was asked
│   ├── LedgerError           DynamoDB did not answer, or not in full
│   ├── QueueError            SQS did not answer, or not in full
│   ├── MetricsError          CloudWatch did not return a metric
│   ├── SecretError           the secret could not be read or is malformed
│   ├── MappingError          the event source mapping could not be read or switched
│   │   ├── MappingBusy       it is being changed: a retry in a moment succeeds
│   │   └── MappingGone       there is no mapping of that id, or no function behind it
│   ├── DestinationError      MinIO did not do what was asked (``kind`` says why)
│   │   └── ChecksumMismatch  MinIO holds other bytes or metadata than were sent
│   ├── ClaimedByOther        another worker has claimed the object, and its lease has not ended
│   ├── OutOfTime             the run would end before the work
│   └── ObjectTooSlow         one object needs more time than a whole run has
└── Permanent                 never passes: the message goes to the dead-letter queue
    ├── MalformedEvent        the body is not an S3 event that Windrow understands
    ├── UnknownEvent          the event's name is not one of S3's that Windrow knows
    ├── ForeignBucket         the event names a bucket outside the allow-list
    ├── ObjectMissing         the object (or that version of it) is gone
    ├── ObjectArchived        the object is in Glacier and must be restored first
    ├── ObjectForbidden       the landing bucket does not let Windrow read the object
    ├── ObjectKeyUnusable     the KMS key that the object is encrypted with is disabled, deleted or unknown
    ├── ObjectKeyNotHeld      the object is encrypted with a key that only its uploader has (SSE-C)
    ├── ObjectTooLarge        the object is over ``WINDROW_MAX_OBJECT_BYTES``
    └── SourceChecksumWrong   the bytes do not match what the uploader or S3 declared
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self


class WindrowError(Exception):
    """The root of Windrow's errors."""


class SettingsError(WindrowError):
    """A setting is missing, unknown or wrong; the message names it and what to do."""


class LocalStackError(WindrowError):
    """A server of the local stack did not start, or is not running; the message quotes its log."""


class RotationError(WindrowError):
    """A step of a credential rotation failed; the credentials in use are untouched, and the step can be repeated."""


class ArchiveError(WindrowError):
    """An archive is damaged or is not in format ``windrow/1``; the message names the first fault."""


class PriceError(WindrowError):
    """A price is unknown, or a price file can't be read."""


class PackageError(WindrowError):
    """The Lambda zip could not be built; the message quotes the tool that failed."""


class DeploymentError(WindrowError):
    """A deployment could not start, or could not go on; the message says what the alias serves now."""


class QuarantineError(WindrowError):
    """The object to be quarantined is not an archive of Windrow's."""


class TargetError(WindrowError):
    """A file could not be written below the target folder; the message names it."""


class TargetConflict(WindrowError):
    """Files of two landing buckets would land on one key."""


class SourceMissing(WindrowError):
    """There is no archive at the given location, or the location is not one that Windrow understands."""


class UnforeseenError(WindrowError):
    """An error that Windrow does not know; the message names what was raised."""


class FailedDestination(WindrowError):
    """The destination failed; the message says which one it is, what is wrong, and what to do."""


class WrongUse(WindrowError):
    """What the user asked for can't be done; the message says what to do instead."""


class OutputLost(WindrowError):
    """Standard output can't be written any more, so the command's result is lost."""


class AliasChanged(DeploymentError):
    """Somebody else changed the alias since it was read; nothing was done."""


class HandlerNotLoaded(WindrowError):
    """A worker could not import the handler; the message says why."""


class WorkerDied(WindrowError):
    """A worker exited before it responded."""


class ResponseError(WindrowError):
    """The response does not say which messages failed, so all count as failed; the message says what is wrong."""


class Transient(WindrowError):
    """A failure that may pass: the affected messages are retried, never dead-lettered."""


class LandingError(Transient):
    """The landing bucket did not serve an object, for a reason that may pass."""


class BucketMissing(LandingError):
    """There is no such landing bucket: it was deleted, or has another name."""


class InventoryError(LandingError):
    """An inventory of a landing bucket is missing, incomplete, not as S3 writes it, or lacks a field."""


class ObjectRefused(LandingError):
    """S3 refuses an object, and will until somebody changes a policy or a key.

    ``rejection`` is the error that the object is rejected with if it is refused again and again.
    """

    def __init__(self, rejection: Permanent) -> None:
        super().__init__(str(rejection))
        self.rejection = rejection


class CopyError(Transient):
    """A request to the bucket for copies of archives failed, or the bucket holds something else under the key."""


class LedgerError(Transient):
    """DynamoDB failed or answered in part after its retries."""


class QueueError(Transient):
    """SQS failed or answered in part after its retries."""


class MetricsError(Transient):
    """CloudWatch did not return a metric."""


class SecretError(Transient):
    """The destination secret could not be read, or lacks what it must hold."""


class MappingError(Transient):
    """The event source mapping could not be read or switched."""


class MappingBusy(MappingError):
    """The event source mapping is being changed: Lambda refuses another change, or does not say if it is enabled."""


class MappingGone(MappingError):
    """There is no mapping with that id, or its function was deleted."""


class ClaimedByOther(Transient):
    """Another worker has claimed the object; the message comes again when that lease has ended."""


class OutOfTime(Transient):
    """The run would end before the work."""


class ObjectTooSlow(Transient):
    """One object needs more time than a whole run has: the next run may be faster, or fails as well."""


class DestinationFault(StrEnum):
    """Why the destination failed; each has its own alarm text and runbook section."""

    CONNECT = "connect"
    TLS = "tls"
    CREDENTIALS = "credentials"
    BUCKET = "bucket"
    SLOW = "slow"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    PROTOCOL = "protocol"
    CHECKSUM = "checksum"


PASSING = frozenset({DestinationFault.CONNECT, DestinationFault.SLOW, DestinationFault.UNAVAILABLE})
"""Faults that may be over in a moment: a write is retried within its batch."""

READ_AGAIN = PASSING | {DestinationFault.PROTOCOL}
"""Faults after which a read is retried: a response that is not S3's may come from a proxy."""


class DestinationError(Transient):
    """A request to MinIO failed.

    ``kind`` is the cause, ``where`` names endpoint and bucket if they are known. ``maybe_stored`` is true when a PUT
    may have been carried out although nothing confirmed it (a lost response, a timeout, a 5xx): only a HEAD can show
    it.
    """

    def __init__(self, message: str, kind: DestinationFault, *, maybe_stored: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.maybe_stored = maybe_stored
        self.where = ""

    def at(self, where: str) -> Self:
        """Return this error with its ``where``."""
        self.where = where
        return self

    @classmethod
    def gone(cls, key: str) -> DestinationError:
        """Return the error for an object that was stored and is now missing."""
        return cls(f"{key} was stored and is not there", DestinationFault.REFUSED)


class ChecksumMismatch(DestinationError):
    """MinIO holds other bytes or metadata than were sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, DestinationFault.CHECKSUM)


class Permanent(WindrowError):
    """A failure that no retry can fix: the message goes to the dead-letter queue with ``reason``."""

    reason: ClassVar[str] = "permanent"


class MalformedEvent(Permanent):
    """The message body is not an S3 event that Windrow understands."""

    reason = "malformed"


class UnknownEvent(Permanent):
    """The event has a name that Windrow does not know: it cannot tell whether there is a file to deliver."""

    reason = "unknown-event"


class ForeignBucket(Permanent):
    """The event names a bucket outside ``WINDROW_LANDING_BUCKETS``."""

    reason = "foreign-bucket"


class ObjectMissing(Permanent):
    """The object, or the version of it that the event names, is not in the bucket any more."""

    reason = "missing"


class ObjectArchived(Permanent):
    """The object is in an archive storage class: restore it, then redrive the message."""

    reason = "archived"


class ObjectForbidden(Permanent):
    """S3 answers that access is denied, again and again: a policy of the role, bucket, endpoint or key forbids it."""

    reason = "access-denied"


class ObjectKeyUnusable(Permanent):
    """S3 can't decrypt the object, again and again: its KMS key is disabled, about to be deleted, or not found."""

    reason = "kms-key"


class ObjectKeyNotHeld(Permanent):
    """S3 wants the key that the uploader encrypted the object with (SSE-C), which Windrow never has."""

    reason = "sse-c"


class ObjectTooLarge(Permanent):
    """The object is larger than ``WINDROW_MAX_OBJECT_BYTES``."""

    reason = "too-large"


class SourceChecksumWrong(Permanent):
    """The object's bytes do not match its declared length or ``x-amz-meta-sha256``."""

    reason = "checksum"
