"""``windrow://``, a read-only file system for ``fsspec``: the files in archives, as files.

An archive is a folder whose name ends in ``.tar.gz``; its files are below it under their member names:

    windrow://bucket/eu/2026/11/23/10/07/20261123T1007Z-0123456789abcdef.tar.gz/data/orders/1.json

The files of a frame are cached when it is read, because neighbouring files are often read next. Every file is verified
before its first byte is returned, also to a reader that reads only its end.
"""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from tempfile import TemporaryFile
from threading import Lock
from typing import Any, BinaryIO, Generic, TypeVar, cast

import msgspec
from fsspec.spec import AbstractFileSystem

from windrow.archives.archive import Archive
from windrow.archives.connection import Connection
from windrow.archives.folders import S3, open_source
from windrow.core.errors import SourceMissing
from windrow.core.manifest import MAX_MANIFEST_BYTES, ManifestFile

CACHE_BYTES = 64 * 1024 * 1024
"""Most bytes of files that a file system caches."""

FRAME_BYTES = 8 * 1024 * 1024
"""A frame with more bytes than this is not cached: a file of it is unpacked into a temporary file when it is opened."""

MANIFEST_BYTES = MAX_MANIFEST_BYTES
"""Most bytes of manifests that a file system caches, as JSON; decoded they take up to five times as much."""

_PATH = re.compile(r"(?P<archive>.*?\.tar\.gz)(?:/(?P<member>.*))?\Z", re.DOTALL)
V = TypeVar("V")


class LruCache(Generic[V]):
    """The values that were used last, up to a total weight. Safe on several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._making: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], V], weigh: Callable[[V], int]) -> V:
        """Return the value of a key, made if it is not cached. A thread waits for a value that another is making."""
        with self._lock:
            making = self._making.setdefault(key, Lock())
        with making:
            try:
                kept = self._kept(key)
                return self._keep(key, make(), weigh) if kept is None else kept
            finally:
                with self._lock:
                    self._making.pop(key, None)

    def _kept(self, key: Hashable) -> V | None:
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def _keep(self, key: Hashable, value: V, weigh: Callable[[V], int]) -> V:
        with self._lock:
            self._held[key] = value, weigh(value)
            while sum(weight for _, weight in self._held.values()) > self._most:
                self._held.popitem(last=False)
        return value


class WindrowFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files in archives.

    Without ``root``, a path begins with a bucket, as above. With it, archives are below that location: a path, or any
    URL that `windrow.archives.open_archive` accepts. ``connection`` is how to reach buckets, by default from the
    environment. Folders above archives can't be listed: use `windrow.archives.find_archives`.
    """

    protocol = "windrow"
    root_marker = ""

    def __init__(self, root: str = "", connection: Connection | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._root = f"{root.rstrip('/')}/" if root else S3
        self._connection = connection
        self._archives: LruCache[Archive] = LruCache(MANIFEST_BYTES)
        self._frames: LruCache[dict[str, bytes]] = LruCache(CACHE_BYTES)

    def ls(self, path: str, detail: bool = True, **_options: Any) -> list[Any]:  # noqa: ANN401, FBT001, FBT002
        """List a folder of an archive, or the archive itself. Raises `FileNotFoundError`."""
        at, name = self._split(path)
        files = self._archive(at).files
        file = next((file for file in files if file.name == name), None)
        found = {at + "/" + file.name: _entry(at, file)} if file else _children(at, f"{name}/" if name else "", files)
        if not found and name:
            raise FileNotFoundError(path)
        return list(found.values()) if detail else list(found)

    def info(self, path: str, **_options: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return the properties of a file, from the manifest, or of a folder. Raises `FileNotFoundError`."""
        at, name = self._split(path)
        for file in self._archive(at).files:
            if file.name == name:
                return _entry(at, file)
            if file.name.startswith(f"{name}/") or not name:
                return _folder(f"{at}/{name}" if name else at)
        if name:
            raise FileNotFoundError(path)
        return _folder(at)

    def modified(self, path: str) -> Any:  # noqa: ANN401 - as fsspec has it
        """Return when a file arrived."""
        return self.info(path)["event_time"]

    def _open(self, path: str, mode: str = "rb", **_options: Any) -> BinaryIO:  # noqa: ANN401
        if mode != "rb":
            raise OSError("archives are read-only")
        at, name = self._split(path)
        archive = self._archive(at)
        try:
            file = archive.file(name)
        except SourceMissing as error:
            raise FileNotFoundError(path) from error
        in_frame = [each for each in archive.files if each.frame == file.frame]
        if sum(each.size for each in in_frame) > FRAME_BYTES:
            return _unpacked(archive, file)
        frame = self._frames.get((at, file.frame), lambda: _contents(archive, in_frame), _weight)
        return io.BytesIO(frame[file.name])

    def _split(self, path: str) -> tuple[str, str]:
        match = _PATH.match(self._strip_protocol(path))
        if match is None:
            raise FileNotFoundError(f"{path}: no part of it is the name of an archive, which ends in .tar.gz")
        return match["archive"], (match["member"] or "").rstrip("/")

    def _archive(self, at: str) -> Archive:
        return self._archives.get(at, lambda: self._opened(at), _manifest_bytes)

    def _opened(self, at: str) -> Archive:
        try:
            return Archive(open_source(f"{self._root}{at}", self._connection))
        except SourceMissing as error:
            raise FileNotFoundError(str(error)) from error


def _manifest_bytes(archive: Archive) -> int:
    return len(msgspec.json.encode(archive.manifest))


def _contents(archive: Archive, files: list[ManifestFile]) -> dict[str, bytes]:
    return {file.name: b"".join(pieces) for file, pieces in archive.walk([file.name for file in files])}


def _weight(frame: dict[str, bytes]) -> int:
    return sum(map(len, frame.values()))


def _unpacked(archive: Archive, file: ManifestFile) -> BinaryIO:
    out = TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        for piece in archive.pieces(file):
            out.write(piece)
        out.seek(0)
    except BaseException:
        out.close()
        raise
    return cast("BinaryIO", out)


def _children(at: str, above: str, files: list[ManifestFile]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        if file.name.startswith(above):
            first, slash, _ = file.name[len(above) :].partition("/")
            path = f"{at}/{above}{first}"
            found[path] = _folder(path) if slash else _entry(at, file)
    return found


def _entry(at: str, file: ManifestFile) -> dict[str, Any]:
    known = {name: getattr(file, name) for name in ("key", "version_id", "sha256", "event_time", "content_type")}
    return {"name": f"{at}/{file.name}", "size": file.size, "type": "file", **known, "metadata": file.metadata}


def _folder(path: str) -> dict[str, Any]:
    return {"name": path, "size": 0, "type": "directory"}
