"""A probe that does what a delivery does, with a canary object.

A small plain object may get through where an archive is refused: by a proxy that drops headers with an underscore, a
limit on the body's size, a quota, or a policy. So a canary is an archive without files: it has an archive's metadata,
is written with the same condition, and verified in the same way. A strong probe's body is larger than the default limit
of proxies, and if large objects are in use, it sends another canary in parts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256

from windrow.core.archive.writer import SealedArchive, seal
from windrow.core.errors import ChecksumMismatch, DestinationError, DestinationFault
from windrow.core.keys import canary_folder, canary_key, canary_made_at_s
from windrow.core.manifest import Window
from windrow.pipeline.inspector import STAGED_ETAG, Inspector
from windrow.pipeline.staging import StagingArea
from windrow.ports import Clock, MultipartDestination

STRONG_BYTES = 2 * 1024 * 1024
"""By default, nginx accepts bodies of 1 MiB at most:
https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size"""

STALE_S = 3600
"""A canary this old was left by a probe that could not delete it; a newer one may be in use."""

_log = logging.getLogger(__name__)


class Probe:
    """Probes one destination. ``new_id`` returns a unique name for a canary; ``parts``: large objects are in use."""

    def __init__(
        self, destination: MultipartDestination, clock: Clock, prefix: str, new_id: Callable[[], str], *, parts: bool
    ) -> None:
        self._destination = destination
        self._clock = clock
        self._prefix = prefix
        self._new_id = new_id
        self._parts = parts
        self._inspector = Inspector(destination)
        self._area = StagingArea(destination, clock, prefix=prefix, at_once=1)

    def steps(self, *, strong: bool) -> Iterator[None]:
        """Do what a delivery does, one step at a time. A caller that stops early leaves a canary for `clean_up`.

        After a failure no further request is sent: one that hangs would use up the run time.

        Raises:
            DestinationError: the destination would not accept an archive.
        """
        self._destination.probe()
        yield
        now = self._clock.now()
        key = canary_key(self._prefix, self._new_id(), now)
        yield from self._at_once(key, canary(key, now, STRONG_BYTES if strong else 0))
        if strong and self._parts:
            yield from self._in_parts(f"{key}-parts", canary(key, now, 0))

    def clean_up(self, check_time: Callable[[], None]) -> None:
        """Delete canaries that earlier probes left behind; ``check_time`` is called between them and may raise.

        Raises:
            DestinationError: they could not be listed or deleted.
        """
        now_s = int(self._clock.now().timestamp())
        for key, _size in self._destination.list(canary_folder(self._prefix)):
            made_at_s = canary_made_at_s(key)
            if made_at_s is not None and now_s - made_at_s >= STALE_S:
                self._destination.delete(key)
                check_time()

    def _at_once(self, key: str, archive: SealedArchive) -> Iterator[None]:
        if not self._destination.put(key, archive.chunks, archive.sha256, archive.metadata):
            raise _taken(key)
        yield
        yield from self._verified(key, archive, archive.metadata)

    def _in_parts(self, key: str, archive: SealedArchive) -> Iterator[None]:
        upload = self._area.begin(key, key)
        yield
        try:
            upload.send([(1, archive.chunks)])
            staged = upload.finish()
        except DestinationError:
            upload.abort()
            raise
        yield
        self._area.verify(staged, lambda: None)
        yield
        metadata = archive.metadata | {STAGED_ETAG: staged.etag}
        if not self._area.copy(staged, key, metadata, lambda: None):
            raise _taken(key)
        yield
        yield from self._verified(key, archive, metadata)
        self._area.remove(staged.key)
        yield

    def _verified(self, key: str, archive: SealedArchive, metadata: dict[str, str]) -> Iterator[None]:
        """Verify a canary as an archive is verified, and delete it."""
        stored = self._destination.head(key)
        if stored is None:
            raise DestinationError.gone(key)
        lost = [name for name in metadata if stored.metadata.get(name) != metadata[name]]
        if lost:
            raise ChecksumMismatch(f"{key} came back without the metadata {', '.join(lost)}")
        self._inspector.verify(key, stored, archive)
        yield
        manifest = bytes(archive.chunks[0])
        if self._destination.read(key, 0, len(manifest)) != manifest:
            raise ChecksumMismatch(f"{key} came back with other bytes")
        yield
        try:
            self._destination.delete(key)
        except DestinationError as error:
            # Not a fault: deliveries delete nothing, so they work even where deleting is forbidden.
            _log.warning("canary not deleted", extra={"key": key, "kind": error.kind, "error": str(error)})
        yield


def canary(key: str, now: datetime, padding: int) -> SealedArchive:
    """Return an archive without files, with an archive's metadata, and ``padding`` bytes after its end."""
    start = now.replace(second=0, microsecond=0)
    sealed = seal(Window(start, start + timedelta(minutes=1)), [], level=1)
    # The key makes the bytes unique: another canary's can't be taken for them.
    chunks = [*sealed.chunks, key.encode(), bytes(padding)]
    digest = sha256(b"".join(chunks)).digest()
    size = sum(memoryview(chunk).nbytes for chunk in chunks)
    metadata = sealed.metadata | {"sha256_checksum": digest.hex()}
    return SealedArchive(size, digest, sealed.manifest, metadata, chunks)


def _taken(key: str) -> DestinationError:
    return DestinationError(f"{key} is new, and the server says that it exists", DestinationFault.REFUSED)
