"""Restores files from archives into a bucket, under their raw keys: `restore`.

There are two passes. The first reads the manifests and records on disk which version of each key is to be written. The
second checks each key at the target, and reads from the archives only files that are missing there. So an interrupted
restore is continued by starting it again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from windrow.archives.archive import open_archive
from windrow.archives.connection import Connection, buckets
from windrow.archives.folders import S3, in_bucket, is_folder
from windrow.archives.restore_plan import Plan
from windrow.archives.restore_target import PART_BYTES, Present, Target
from windrow.archives.search import Selection, find_archives, read_manifests
from windrow.core.errors import ArchiveError, DestinationError, DestinationFault, SourceMissing, TargetConflict
from windrow.core.manifest import ManifestFile

SENDERS = 8
"""Files sent concurrently; as many wait in memory: 16 of 8 MiB at most."""
NAMED = 100
"""Most problems that a report names; it counts them all."""
EVERYTHING = Selection()
_OF_ONE_FILE = frozenset({DestinationFault.REFUSED, DestinationFault.CHECKSUM})
"""Faults that concern one file only, as a key that the server does not accept."""


class Problem(msgspec.Struct, frozen=True):
    """A problem with a file (``where`` is its raw key) or with an archive (its location)."""

    where: str
    problem: str


class Restored(msgspec.Struct):
    """The result of a restore. Sizes are in bytes.

    ``files`` and ``bytes`` were chosen; ``present`` of these files were at the target already. ``older_versions`` were
    left out because a newer version of their key was chosen. ``undescribed`` files were written without their
    uploader's content type and metadata, which exceeded what an archive keeps. ``conflicts`` are keys under which the
    target has other bytes, ``refused`` those that it does not accept, ``unreadable`` archives that are broken or gone:
    their files may be missing. ``problems`` names the first hundred of these three.
    """

    dry_run: bool
    archives: int = 0
    files: int = 0
    bytes: int = 0
    written: int = 0
    written_bytes: int = 0
    present: int = 0
    older_versions: int = 0
    undescribed: int = 0
    conflicts: int = 0
    refused: int = 0
    unreadable: int = 0
    problems: list[Problem] = []

    @property
    def ok(self) -> bool:
        """Whether something was chosen and all of it is at the target now (in a dry run: could be)."""
        return self.files > 0 and not (self.conflicts or self.refused or self.unreadable)

    def add_problem(self, where: str, problem: str) -> None:
        """Add a problem to the report."""
        if len(self.problems) < NAMED:
            self.problems.append(Problem(where, problem))


def restore(
    location: str,
    to: str,
    selection: Selection = EVERYTHING,
    *,
    dry_run: bool = False,
    connection: Connection | None = None,
    target: Connection | None = None,
    progress: Callable[[int, int], object] = lambda _done, _of: None,
    sleep: Callable[[float], object] = time.sleep,
) -> Restored:
    """Write the files of an archive, or of the archives below a folder, to ``to`` (``s3://bucket/prefix``).

    Each file is written to ``prefix/`` and its raw key, with its uploader's content type and user metadata; of several
    versions, the newest. The server verifies the SHA-256 of each file (each part of a file over 8 MiB). Objects are
    never replaced: one with the same bytes is left as it is, one with other bytes is a conflict. ``target`` is how to
    reach ``to``, by default ``connection``. ``progress`` is called with the bytes done and the total. Memory: the
    largest manifest, and about 150 MB.

    Raises:
        TargetConflict: files of two landing buckets would have the same key, or the target is among the archives;
            nothing was written.
        DestinationError: a server could not be reached, or refused the keys. Start the restore again to continue.
        SourceMissing, SettingsError, ValueError: see `find_archives`.
    """
    if not to.startswith(S3):
        raise SourceMissing(f"{to!r} is not s3://bucket/prefix")
    if target is None and f"{to.rstrip('/')}/".startswith(f"{location.rstrip('/')}/"):
        raise TargetConflict(
            f"{to} is where the archives are; restore to another bucket, or a prefix outside {location}"
        )
    bucket, prefix = in_bucket(to)
    client = buckets(target or connection).bucket(bucket)
    client.probe()
    result = Restored(dry_run)
    with Plan() as plan:
        _choose(plan, result, location, selection, connection)
        run = _Run(Target(client, prefix, sleep), result, progress)
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="restore") as pool:
            for archive, names in plan.archives():
                run.archive(pool, archive, names, connection)
    return result


def _choose(plan: Plan, result: Restored, location: str, selection: Selection, connection: Connection | None) -> None:
    is_meant = selection.filter()
    for where, files in _manifests(location, selection, connection):
        if isinstance(files, ArchiveError):
            result.unreadable += 1
            result.add_problem(where, str(files))
            continue
        result.archives += 1
        plan.add(where, filter(is_meant, files))
    result.files, result.bytes = plan.totals()
    result.older_versions = plan.older


def _manifests(
    location: str, selection: Selection, connection: Connection | None
) -> Iterator[tuple[str, list[ManifestFile] | ArchiveError]]:
    if not is_folder(location):
        with open_archive(location, connection) as archive:
            yield location, archive.files
        return
    found = find_archives(location, since=selection.since, until=selection.until, connection=connection)
    for each, files in read_manifests(found):
        yield each.location, files


class _Run:
    """The second pass. Only the calling thread counts; senders return the result of their file."""

    def __init__(self, target: Target, result: Restored, progress: Callable[[int, int], object]) -> None:
        self._target = target
        self._result = result
        self._progress = progress
        self._done = 0
        self._sending: deque[tuple[ManifestFile, Future[Present | DestinationError]]] = deque()

    def archive(self, pool: ThreadPoolExecutor, location: str, names: set[str], connection: Connection | None) -> None:
        """Restore files of one archive."""
        try:
            with open_archive(location, connection) as archive:
                chosen = [archive.file(name) for name in names]
                absent = self._absent(pool, chosen)
                if not self._result.dry_run:
                    for file, pieces in archive.walk(absent):
                        self._send(pool, file, pieces)
        except (ArchiveError, SourceMissing) as error:
            self._result.unreadable += 1
            self._result.add_problem(location, str(error))
        finally:
            self._settle(0)

    def _absent(self, pool: ThreadPoolExecutor, files: list[ManifestFile]) -> set[str]:
        """Return the member names of the files to be written."""
        absent = set()
        for file, found in zip(files, pool.map(self._of_one(self._target.there), files), strict=True):
            if found is Present.NOTHING:
                absent.add(file.name)
                if self._result.dry_run:
                    self._count(file, found)
            else:
                self._count(file, found)
        return absent

    def _send(self, pool: ThreadPoolExecutor, file: ManifestFile, pieces: Iterator[bytes]) -> None:
        if file.size > PART_BYTES:
            self._count(file, self._of_one(lambda large: self._target.put_parts(large, pieces))(file))
            return
        data = b"".join(pieces)  # verified with its last byte
        self._sending.append((file, pool.submit(self._of_one(lambda small: self._target.put(small, data)), file)))
        self._settle(2 * SENDERS - 1)

    def _settle(self, most: int) -> None:
        """Wait until at most ``most`` files are being sent."""
        while len(self._sending) > most:
            file, future = self._sending.popleft()
            self._count(file, future.result())

    @staticmethod
    def _of_one(act: Callable[[ManifestFile], Present]) -> Callable[[ManifestFile], Present | DestinationError]:
        """Return ``act``, which returns a fault that concerns one file only instead of raising it."""

        def acted(file: ManifestFile) -> Present | DestinationError:
            try:
                return act(file)
            except DestinationError as error:
                if error.kind not in _OF_ONE_FILE:
                    raise
                return error

        return acted

    def _count(self, file: ManifestFile, found: Present | DestinationError) -> None:
        result = self._result
        if isinstance(found, DestinationError):
            result.refused += 1
            result.add_problem(file.key, str(found))
        elif found is Present.NOTHING:
            result.written += 1
            result.written_bytes += file.size
            result.undescribed += file.undescribed
        elif found is Present.SAME:
            result.present += 1
        else:
            result.conflicts += 1
            result.add_problem(file.key, "the target has other bytes under this key; restore to another prefix")
        self._done += file.size
        self._progress(self._done, result.bytes)
