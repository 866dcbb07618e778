"""Quarantine: keeps a copy of a broken archive and closes its key, so that its files can be delivered again.

Only an operator's command does this. It is safe at any time, also while workers run: a sound archive is left as it is,
the bytes are copied before anything changes, and each step can be repeated after an interruption.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from windrow.core.archive.verify import verify
from windrow.core.errors import ArchiveError, ChecksumMismatch, DestinationError, DestinationFault, QuarantineError
from windrow.core.keys import quarantine_key, window_of
from windrow.core.ledger import ArchiveRecord
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.inspector import Inspector
from windrow.ports import ByteRange, MultipartDestination, Stored

OWNER = "quarantine"
"""The owner of the records that this command writes."""

COPY_BYTES = 512 * 1024 * 1024
"""Bytes that the server copies in one request: up to 5 GiB are allowed, and the response comes when it is done.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html"""


READS = 2
"""How often an archive must be found broken: a single response of a server may be wrong."""


class Quarantined(msgspec.Struct, frozen=True):
    """An archive whose key is closed now: what was wrong with it, and where its copy is (None: it was gone)."""

    key: str
    why: str
    kept_as: str | None


class Quarantine:
    """Quarantines archives of one destination."""

    def __init__(self, destination: MultipartDestination, commit_point: CommitPoint, *, prefix: str) -> None:
        self._destination = destination
        self._commit_point = commit_point
        self._inspector = Inspector(destination)
        self._prefix = prefix

    def quarantine(self, key: str) -> Quarantined | None:
        """Copy a broken archive to the quarantine folder and put a tombstone under its key; None if it is sound.

        A key whose archive is gone is closed too: a late request must not bring it back. So is a key with a sound
        archive that is not the one recorded as committed.

        Raises:
            QuarantineError: the key is not an archive's.
            DestinationError: the archive could not be read, copied or replaced; it is still under its key.
            LedgerError: the record could not be written; the archive is still under its key.
        """
        if window_of(key) is None:
            raise QuarantineError(f"{key!r} is not the key of an archive: YYYY/MM/DD/HH/MM/<time>Z-<id>.tar.gz")
        record = self._commit_point.recorded(key)
        if record and not record.is_committed:
            self._commit_point.close(key, OWNER)
            return Quarantined(key, "it was condemned already", None)
        why = ""
        for _ in range(READS):
            found = self._fault(key, record)
            if found is None:
                return None
            why = found
        stored = self._stored(key)
        kept_as = self._keep(key, stored) if stored else None
        self._commit_point.close(key, OWNER)
        return Quarantined(key, why, kept_as)

    def _fault(self, key: str, record: ArchiveRecord | None) -> str | None:
        """Read the whole archive; return what is wrong with it, None if it is sound and the one that was committed."""
        try:
            stored = self._stored(key)
            if stored is None:
                return "it is gone"
            found = self._inspector.open(key, stored)
            verify(self._inspector.source(key, stored), found.sha256)
        except (ArchiveError, ChecksumMismatch) as error:
            return str(error)
        if record and not record.is_of(found.manifest):
            # The archive was deleted by mistake, and then a late request took its key.
            return "it does not hold the files that the ledger has recorded for it"
        return None

    def _stored(self, key: str) -> Stored | None:
        stored = self._destination.head(key)
        if stored is None and any(listed == key for listed, _ in self._destination.list(key)):
            raise DestinationError(f"{key} is listed, and HEAD says that it does not exist", DestinationFault.REFUSED)
        return stored

    def _keep(self, key: str, stored: Stored) -> str:
        kept_as = quarantine_key(self._prefix, key, stored.last_modified)
        upload_id = self._destination.begin(kept_as, stored.metadata, verified=False)
        parts = [
            self._destination.copy_part(kept_as, upload_id, number, span)
            for number, span in enumerate(_spans(key, stored), 1)
        ]
        if not self._destination.complete(kept_as, upload_id, parts):
            self._destination.abort(kept_as, upload_id)
        copy = self._destination.head(kept_as)
        if copy is None or copy.size != stored.size:
            raise DestinationError(f"{kept_as} is not the copy of {key} that it should be", DestinationFault.CHECKSUM)
        return kept_as


def _spans(key: str, stored: Stored) -> Iterator[ByteRange]:
    for start in range(0, stored.size, COPY_BYTES):
        yield ByteRange(key, stored.etag, start, min(COPY_BYTES, stored.size - start))
