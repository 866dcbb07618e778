"""The target of a restore: a prefix in a bucket, with each file under its raw key."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import Enum, auto
from hashlib import sha256

from windrow.core.backoff import RetryPolicy
from windrow.core.described import DEFAULT_CONTENT_TYPE
from windrow.core.errors import READ_AGAIN, DestinationError, DestinationFault
from windrow.core.manifest import ManifestFile
from windrow.ports import TargetBucket

MIB = 1024 * 1024
PART_BYTES = 8 * MIB
"""A file up to this size is sent by one PUT, a larger one in parts of this size."""
MOST_PARTS = 10_000
"""S3's limit: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
STORING = RetryPolicy(attempts=5, first_s=0.5)
"""A PUT's pauses are 0.5, 1, 2 and 4 s."""
_AGAIN = READ_AGAIN | {DestinationFault.CHECKSUM}
"""Faults after which a PUT is retried; a wrong checksum may be the network's fault."""


class Present(Enum):
    """What the target holds under a file's key."""

    NOTHING = auto()
    SAME = auto()
    OTHER = auto()


class Target:
    """A prefix in a bucket; may be used by several threads. Every method raises `DestinationError`.

    ``sleep`` waits for a number of seconds.
    """

    def __init__(self, bucket: TargetBucket, prefix: str, sleep: Callable[[float], object]) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix and not prefix.endswith("/") else prefix
        self._sleep = sleep

    def there(self, file: ManifestFile) -> Present:
        """Compare the object under the file's key with it: by the server's SHA-256, or else by reading it."""
        stored = self._bucket.head(self._key(file))
        if stored is None:
            return Present.NOTHING
        if stored.size != file.size:
            return Present.OTHER
        # An object uploaded in parts has no checksum of the whole.
        return Present.SAME if (stored.checksum_sha256 or self._read_sha256(file)) == file.sha256 else Present.OTHER

    def _read_sha256(self, file: ManifestFile) -> str:
        digest = sha256()
        for start in range(0, file.size, PART_BYTES):
            digest.update(self._bucket.read(self._key(file), start, PART_BYTES))
        return digest.hexdigest()

    def put(self, file: ManifestFile, data: bytes) -> Present:
        """Store a file's bytes, which the server verifies; see `_settled`."""
        digest = bytes.fromhex(file.sha256)

        def store() -> bool:
            return self._bucket.put(self._key(file), [data], digest, _metadata(file), _content_type(file))

        return self._settled(file, store)

    def put_parts(self, file: ManifestFile, pieces: Iterable[bytes]) -> Present:
        """Store a file too large for memory, each part verified by the server; nothing if ``pieces`` raises."""
        key = self._key(file)
        upload_id = self._bucket.begin(key, _metadata(file), verified=True, content_type=_content_type(file))
        try:
            size = max(PART_BYTES, -(-file.size // MOST_PARTS))
            parts = [
                self._bucket.send_part(key, upload_id, number, [part], sha256(part).digest())
                for number, part in enumerate(_parts(pieces, size), 1)
            ]
            result = self._settled(file, lambda: self._bucket.complete(key, upload_id, parts))
        except BaseException:
            with suppress(DestinationError):
                self._bucket.abort(key, upload_id)
            raise
        if result is not Present.NOTHING:
            self._bucket.abort(key, upload_id)
        return result

    def _settled(self, file: ManifestFile, store: Callable[[], bool]) -> Present:
        """Store, with retries; return what was there before, `Present.NOTHING` if it was stored now.

        An attempt whose response was lost may have stored it, so each failure is followed by a check.
        """
        for pause_s in STORING.pauses_s():
            try:
                return Present.NOTHING if store() else self.there(file)
            except DestinationError as error:
                if error.kind not in _AGAIN:
                    raise
            self._sleep(pause_s)
            if self.there(file) is Present.SAME:
                return Present.NOTHING
        return Present.NOTHING if store() else self.there(file)

    def _key(self, file: ManifestFile) -> str:
        return f"{self._prefix}{file.key}"


def _parts(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    part = bytearray()
    for piece in pieces:
        part += piece
        while len(part) >= size:
            yield bytes(part[:size])
            del part[:size]
    if part:
        yield bytes(part)


def _content_type(file: ManifestFile) -> str:
    return _header(file.content_type) or DEFAULT_CONTENT_TYPE


def _metadata(file: ManifestFile) -> dict[str, str]:
    return {name: _header(value) for name, value in file.metadata.items()}


def _header(text: str) -> str:
    """Return text for a header; if it is not ASCII, encoded by RFC 2047, as S3 itself returns it."""
    return text if text.isascii() else f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="
