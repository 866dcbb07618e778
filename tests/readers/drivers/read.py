"""Lists archives with a Python reader: ``read.py READER ARCHIVE...``, as `tests.readers.readers` tells."""

from __future__ import annotations

import os
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

Files = Iterator[tuple[str, bytes]]


def _members(opened: tarfile.TarFile) -> Files:
    with opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                yield member.name, file.read()


def tarfile_seeking(path: str) -> Files:
    """Python's tarfile."""
    return _members(tarfile.open(path, "r:gz"))


def tarfile_streaming(path: str) -> Files:
    """Python's tarfile, from what can't seek."""
    with Path(path).open("rb") as file:
        yield from _members(tarfile.open(fileobj=file, mode="r|gz"))


def rapidgzip(path: str) -> Files:
    """Tarfile over a parallel, seekable gunzip."""
    import rapidgzip

    with rapidgzip.open(path, parallelization=2) as file:
        yield from _members(tarfile.open(fileobj=file, mode="r:"))


def indexed_gzip(path: str) -> Files:
    """Tarfile over a seekable gunzip."""
    import indexed_gzip

    with indexed_gzip.IndexedGzipFile(path) as file:
        yield from _members(tarfile.open(fileobj=file, mode="r:"))


def libarchive_c(path: str) -> Files:
    """The library behind bsdtar."""
    import libarchive

    with libarchive.file_reader(path) as archive:
        for entry in archive:
            yield entry.pathname, b"".join(entry.get_blocks())


def webdataset_files(path: str) -> Files:
    """What WebDataset takes out of a tar before it makes samples of it."""
    import webdataset.tariterators

    with Path(path).open("rb") as file:
        for found in webdataset.tariterators.tar_file_iterator(file):
            yield found["fname"], found["data"]


def webdataset_samples(path: str) -> Files:
    """Samples as a training loop gets them: a key, and the file of each extension."""
    import webdataset

    for sample in webdataset.WebDataset(path, shardshuffle=False):
        for extension, data in sample.items():
            if not extension.startswith("__"):
                yield f"{sample['__key__']}.{extension}", data


def fsspec(path: str) -> Files:
    """The file system ``tar`` of fsspec."""
    import fsspec

    files = fsspec.filesystem("tar", fo=path, compression="gzip", target_protocol="file")
    for name in files.find("", withdirs=False):
        yield name, files.cat_file(name)


def duckdb(path: str) -> Files:
    """DuckDB, which reads no tar by itself, over the same."""
    import glob

    import duckdb
    import fsspec

    files = fsspec.filesystem("tar", fo=path, compression="gzip", target_protocol="file")
    urls = [f"tar://{glob.escape(name)}" for name in files.find("", withdirs=False)]
    with duckdb.connect() as connection:
        connection.register_filesystem(files)
        rows = connection.execute("SELECT filename, content FROM read_blob(?)", [urls]).fetchall()
    for name, content in rows:
        yield name.removeprefix("tar://"), content


def ratarmount(path: str) -> Files:
    """What ratarmount mounts, without mounting it."""
    from ratarmountcore.mountsource.factory import open_mount_source

    with open_mount_source(path, indexFilePath=":memory:") as mounted:
        yield from _below(mounted, "/")


def _below(mounted: Any, folder: str) -> Files:
    for name in mounted.list(folder) or ():
        path = folder.rstrip("/") + "/" + name
        info = mounted.lookup(path)
        if mounted.list(path) is not None:
            yield from _below(mounted, path)
        else:
            with mounted.open(info) as file:
                yield path.lstrip("/"), file.read()


READERS: dict[str, Callable[[str], Files]] = {
    each.__name__: each
    for each in (
        tarfile_seeking,
        tarfile_streaming,
        rapidgzip,
        indexed_gzip,
        libarchive_c,
        webdataset_files,
        webdataset_samples,
        fsspec,
        duckdb,
        ratarmount,
    )
}


def tell(read: Callable[[str], Files], paths: Iterable[str], out: IO[bytes]) -> None:
    """Print what a reader finds in each archive."""
    for path in paths:
        try:
            for name, data in read(path):
                out.write(f"{name}\t{sha256(data).hexdigest()}\n".encode())
            out.write(b"end\n")
        except Exception as error:  # what a reader raises is its own affair
            print(f"{path}: {error!r}", file=sys.stderr)
            out.write(b"failed\n")
        out.flush()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # some readers print to standard output
        tell(READERS[sys.argv[1]], sys.argv[2:], out)
