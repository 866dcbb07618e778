"""Every error Windrow raises on purpose.

WindrowError
├── SettingsError             a setting is missing, unknown or wrong
├── LocalStackError           a server of the local stack did not start or is not there
├── RotationError             a step of a credential rotation failed; Secrets Manager repeats it
├── ArchiveError              an archive is not a sound ``windrow/1`` archive
├── PriceError                a price is unknown, or a price file can't be read
├── PackageError              the Lambda zip could not be built
├── DeploymentError           a deployment could not start, or could not go on
│   └── AliasChanged          somebody else changed the alias meanwhile
├── QuarantineError           what is to be quarantined is no archive
├── SourceMissing             there is no archive where one was looked for
├── TargetError               a file could not be written below the target folder
├── TargetConflict            files of two landing buckets would land on one key
├── WrongUse                  what the user asked a command for can't be done
├── OutputLost                standard output can't be written any more
├── FailedDestination         the destination failed; the command says what to do
├── UnforeseenError           something that Windrow has no error for ended a command
├── HandlerNotLoaded          a worker could not import the handler
├── WorkerDied                a worker ended before it answered
├── ResponseError             a handler's response does not say which messages failed
├── Transient                 may pass: the messages are retried
│   ├── LandingError          the landing bucket did not serve the object
│   │   ├── BucketMissing     there is no such bucket
│   │   ├── InventoryError    an inventory of it is not there, not whole, or tells too little
│   │   └── ObjectRefused     it refuses to, for good if it goes on (``rejection`` is what the object ends with then)
│   ├── CopyError             the bucket for copies of archives did not do what was asked
│   ├── LedgerError           DynamoDB did not answer, or not in full
│   ├── QueueError            SQS did not answer, or not in full
│   ├── MetricsError          CloudWatch did not tell a metric
│   ├── SecretError           the secret could not be read or is malformed
│   ├── MappingError          the event source mapping could not be read or switched
│   │   ├── MappingBusy       it is being changed: asked again in a moment it answers
│   │   └── MappingGone       there is no mapping of that id, or no function behind it
│   ├── DestinationError      MinIO did not do what was asked (``kind`` says why)
│   │   └── ChecksumMismatch  MinIO holds other bytes or metadata than were sent
│   ├── InWork                another worker has the object, and its lease has not ended
│   ├── OutOfTime             the run would end before the work
│   └── ObjectTooSlow         one object needs more run time than a whole run has
└── Permanent                 never passes: the message goes to the dead-letter queue
    ├── MalformedEvent        the body is no S3 event Windrow understands
    ├── UnknownEvent          the event's name is none of S3's that Windrow knows
    ├── ForeignBucket         the event names a bucket outside the allow-list
    ├── ObjectMissing         the object (or that version of it) is gone
    ├── ObjectArchived        the object sleeps in Glacier and must be restored first
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
    """A server of the local stack did not start, or is not there; the message quotes its log."""


class RotationError(WindrowError):
    """A step of a credential rotation failed; the credentials in use are untouched, and the step can be repeated."""


class ArchiveError(WindrowError):
    """An archive is damaged or is not in format ``windrow/1``; the message names the first thing wrong."""


class PriceError(WindrowError):
    """A price is unknown, or a price file can't be read."""


class PackageError(WindrowError):
    """The Lambda zip could not be built; the message quotes the tool that failed."""


class DeploymentError(WindrowError):
    """A deployment could not start, or could not go on; the message says what the alias serves now."""


class QuarantineError(WindrowError):
    """What is to be quarantined is not an archive of Windrow's."""


class TargetError(WindrowError):
    """A file could not be written below the target folder; the message names it."""


class TargetConflict(WindrowError):
    """Files of two landing buckets would land on one key."""


class SourceMissing(WindrowError):
    """There is no archive where one was looked for, or the location is not one that Windrow understands."""


class UnforeseenError(WindrowError):
    """Something that Windrow has no error for; the message names what was raised."""


class FailedDestination(WindrowError):
    """The destination failed; the message says which one it is, what is wrong, and what to do."""


class WrongUse(WindrowError):
    """What the user asked for can't be done; the message says what to do instead."""


class OutputLost(WindrowError):
    """Standard output can't be written any more, so that what was found out reaches nobody."""


class AliasChanged(DeploymentError):
    """Somebody else changed the alias since it was read; nothing was done."""


class HandlerNotLoaded(WindrowError):
    """A worker could not import the handler; the message says why."""


class WorkerDied(WindrowError):
    """A worker ended before it answered."""


class ResponseError(WindrowError):
    """The response does not say which messages failed, so all count as failed; the message says what is wrong."""


class Transient(WindrowError):
    """A failure that may pass: the affected messages are retried, never dead-lettered."""


class LandingError(Transient):
    """The landing bucket did not serve an object, for a reason that may pass."""


class BucketMissing(LandingError):
    """There is no such landing bucket: it was deleted, or is called otherwise."""


class InventoryError(LandingError):
    """An inventory of a landing bucket is not there, not whole, not as S3 writes it, or tells too little."""


class ObjectRefused(LandingError):
    """S3 refuses an object in a way that lasts unless somebody changes a policy or a key.

    ``rejection`` is the error that the object is rejected with if it is refused again and again.
    """

    def __init__(self, rejection: Permanent) -> None:
        super().__init__(str(rejection))
        self.rejection = rejection


class CopyError(Transient):
    """The bucket for copies of archives did not do what was asked, or holds something else under the key."""


class LedgerError(Transient):
    """DynamoDB failed or answered in part after its retries."""


class QueueError(Transient):
    """SQS failed or answered in part after its retries."""


class MetricsError(Transient):
    """CloudWatch did not tell a metric."""


class SecretError(Transient):
    """The destination secret could not be read, or lacks what it must hold."""


class MappingError(Transient):
    """The event source mapping could not be read or switched."""


class MappingBusy(MappingError):
    """The event source mapping is being changed, and Lambda refuses another change, or to tell whether it is on."""


class MappingGone(MappingError):
    """There is no mapping of that id, or its function is gone."""


class InWork(Transient):
    """Another worker has the object; the message comes again when that one's lease has ended."""


class OutOfTime(Transient):
    """The run would end before the work did."""


class ObjectTooSlow(Transient):
    """One object needs more run time than a whole run has: the next run has more, or is faster, or fails as well."""


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
"""Faults that may be over in a moment: a write is made again within its batch."""

READ_AGAIN = PASSING | {DestinationFault.PROTOCOL}
"""Faults after which a request that only reads is made again: an answer that is not S3's may be a proxy's."""


class DestinationError(Transient):
    """MinIO did not do what was asked.

    ``kind`` tells the cause apart, ``where`` names endpoint and bucket where they are known. ``maybe_stored`` is true
    when a PUT may have been carried out although nothing confirmed it (a lost reply, a time-out, a 5xx): only a look at
    the key can tell.
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
        """Return the error for an object that was stored and is not there."""
        return cls(f"{key} was stored and is not there", DestinationFault.REFUSED)


class ChecksumMismatch(DestinationError):
    """MinIO holds other bytes or metadata than were sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, DestinationFault.CHECKSUM)


class Permanent(WindrowError):
    """A failure that no retry mends: the message goes to the dead-letter queue with ``reason``."""

    reason: ClassVar[str] = "permanent"


class MalformedEvent(Permanent):
    """The message body is no S3 event that Windrow understands."""

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
