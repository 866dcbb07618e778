"""Tests the destination's multipart uploads, which archives too large for memory need.

The test does what is done for such an archive (``docs/decisions/0005-large-objects.md``): parts are staged, and the
server copies them to another key. It sends 5 MiB, because only the last part may be smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from windrow.core.errors import DestinationError, DestinationFault
from windrow.core.faults import ADVICE
from windrow.doctor.advice import tried
from windrow.doctor.check import Check, fail, ok, warn
from windrow.ports import ByteRange, MultipartDestination, Part

BODIES = (bytes(5 * 1024 * 1024), b"the last part")
SIZE = sum(map(len, BODIES))
METADATA = {"trial": "parts"}
OTHER_ETAG = "0" * 32 + "-2"

USE_OTHER = ADVICE[DestinationFault.REFUSED] + (
    " Without this, set WINDROW_MAX_OBJECT_BYTES to WINDROW_MAX_ARCHIVE_BYTES: larger objects are rejected then."
)


class PartsTrial:
    """Tests on separate keys next to ``taken``, the key of an existing object."""

    def __init__(self, destination: MultipartDestination, taken: str) -> None:
        self._destination = destination
        self._taken = taken
        self._staged, self._copied = f"{taken}-staged", f"{taken}-copied"
        self._uploads: dict[str, str] = {}
        self._etag = ""

    def run(self) -> Iterator[Check]:
        """Yield every check; copies are left out if staging failed."""
        try:
            staged = tried("write in parts", self._stage)
            yield staged
            yield tried("part verification", self._send_wrongly)
            yield tried("conditional completion", self._complete_taken)
            if staged.state == "ok":
                yield tried("conditional copy", self._copy_other)
                yield tried("copy in parts", self._copy)
        finally:
            aborted = tried("abort", self._abort)
        yield aborted

    def clear(self) -> None:
        """Delete what was written. Raises `DestinationError`."""
        for key in (self._staged, self._copied):
            self._destination.delete(key)

    def _stage(self) -> Check:
        name, key = "write in parts", self._staged
        upload_id = self._begin(key, verified=True)
        parts = [self._send(key, upload_id, number, body) for number, body in enumerate(BODIES, 1)]
        if not self._destination.complete(key, upload_id, parts):
            return fail(name, "the server says that a new key exists", USE_OTHER)
        stored = self._destination.head(key)
        if stored is None or (stored.size, dict(stored.metadata)) != (SIZE, METADATA):
            return fail(name, "size or metadata differ from those that were sent", USE_OTHER)
        self._etag = stored.etag
        return ok(name, f"{len(BODIES)} parts became one object")

    def _send_wrongly(self) -> Check:
        name, key = "part verification", self._taken
        upload_id = self._begin(key, verified=True)
        try:
            self._destination.send_part(key, upload_id, 1, [BODIES[-1]], sha256(b"other").digest())
        except DestinationError as error:
            if error.kind is DestinationFault.CHECKSUM:
                return ok(name, "a part with another SHA-256 is refused")
            return fail(name, f"a part with another SHA-256 failed: {error}", USE_OTHER)
        return fail(name, "a part with another SHA-256 was stored", f"Damage could go unnoticed. {USE_OTHER}")

    def _complete_taken(self) -> Check:
        name, key = "conditional completion", self._taken
        before = self._destination.head(key)
        upload_id = self._begin(key, verified=True)
        created = self._destination.complete(key, upload_id, [self._send(key, upload_id, 1, BODIES[-1])])
        after = self._destination.head(key)
        if created or before is None or after is None or before.etag != after.etag:
            advice = f"Without If-None-Match here a large object could be delivered twice. {USE_OTHER}"
            return fail(name, "a multipart upload to an existing key was carried out", advice)
        return ok(name, "a multipart upload to an existing key is refused")

    def _copy_other(self) -> Check:
        name, key = "conditional copy", self._copied
        upload_id = self._begin(key, verified=False)
        try:
            self._destination.copy_part(key, upload_id, 1, ByteRange(self._staged, OTHER_ETAG, 0, SIZE))
        except DestinationError as error:
            if error.kind is DestinationFault.REFUSED:
                return ok(name, "a copy of an object with another ETag is refused")
            raise
        return fail(name, "an object with another ETag was copied", f"Unverified bytes could be delivered. {USE_OTHER}")

    def _copy(self) -> Check:
        name, key = "copy in parts", self._copied
        upload_id = self._begin(key, verified=False)
        parts, start = [], 0
        for number, body in enumerate(BODIES, 1):
            span = ByteRange(self._staged, self._etag, start, len(body))
            parts.append(self._destination.copy_part(key, upload_id, number, span))
            start += len(body)
        if not self._destination.complete(key, upload_id, parts):
            return fail(name, "the server says that a new key exists", USE_OTHER)
        stored = self._destination.head(key)
        tail = self._destination.read(key, start - len(BODIES[-1]), len(BODIES[-1]))
        if stored is None or (stored.size, dict(stored.metadata), tail) != (SIZE, METADATA, BODIES[-1]):
            return fail(name, "the copy differs from its source", ADVICE[DestinationFault.CHECKSUM])
        if stored.etag != self._etag:
            advice = "Each large archive is read back once more, to verify its copy."
            return warn(name, "the copy has another ETag than its source", advice)
        return ok(name, "the copy has the ETag of its source")

    def _abort(self) -> Check:
        name = "abort"
        try:
            for upload_id, key in self._uploads.items():
                self._destination.abort(key, upload_id)
        except DestinationError as error:
            advice = "Allow s3:AbortMultipartUpload: failed uploads use space until the server deletes them."
            return warn(name, str(error), advice)
        return ok(name, "uploads can be aborted")

    def _begin(self, key: str, *, verified: bool) -> str:
        upload_id = self._destination.begin(key, METADATA, verified=verified)
        self._uploads[upload_id] = key
        return upload_id

    def _send(self, key: str, upload_id: str, number: int, body: bytes) -> Part:
        return self._destination.send_part(key, upload_id, number, [body], sha256(body).digest())
