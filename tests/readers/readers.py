r"""The readers that archives are tried with, and what each makes of them.

A reader is a command that takes archives. For each it prints a line ``<name>\t<SHA-256>`` for every file that it
finds, then a line ``end``, or ``failed`` if it met an error. Names and results are rows of ``docs/readers.md``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.readers.samples import Kind, Sample
from tests.tools import locate, readers_folder

DRIVERS = Path(__file__).parent / "drivers"
ERROR = "error"
FEWER = "fewer files"
WRONG = "wrong bytes"
ALL = "all files"
USTAR = "all files, names as ustar"

Found = Sequence[tuple[str, str]] | None
"""Names and digests; None if the reader met an error."""


@dataclass(frozen=True)
class Reader:
    """A reader: the tools that it needs, its command, and the packages whose versions are pinned for it.

    ``leaves_out`` matches names of files that the reader does not claim to read.
    """

    needs: tuple[str, ...]
    command: Callable[[], list[str]]
    packages: tuple[str, ...] = ()
    leaves_out: str = "(?!)"

    def expected(self, contents: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return what it should find where an archive holds ``contents``."""
        return sorted(each for each in contents.items() if not re.search(self.leaves_out, each[0]))


def results(reader: Reader, samples: Mapping[Path, Sample]) -> dict[Kind, str]:
    """Return what the reader makes of each kind of archive."""
    outcomes: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for sample, found in zip(samples.values(), read(reader.command(), list(samples)), strict=True):
        outcomes[sample.kind].add(_outcome(reader, sample, found))
    return {kind: _worst(kind, each) for kind, each in outcomes.items()}


def read(command: Sequence[str], archives: Sequence[Path]) -> list[Found]:
    """Return what a command finds in each archive. One at which it dies is failed, and another process goes on."""
    found: list[Found] = []
    while len(found) < len(archives):
        left = archives[len(found) :]
        environ = {**os.environ, "LC_ALL": "C.UTF-8"}
        done = subprocess.run([*command, *map(str, left)], stdout=subprocess.PIPE, env=environ, check=False)
        found += _parse(done.stdout.decode(errors="surrogateescape"))
        if done.returncode:
            found.append(None)
        elif len(found) < len(archives):
            raise AssertionError(f"{command} told of fewer archives than the {len(left)} that it was given")
    return found


def _parse(text: str) -> Iterator[Found]:
    files: list[tuple[str, str]] = []
    for line in text.split("\n"):
        if line in ("end", "failed"):
            yield files if line == "end" else None
            files = []
        else:
            name, _, digest = line.rpartition("\t")
            files.append((name, digest))


def _outcome(reader: Reader, sample: Sample, found: Found) -> str:
    if found is None:
        return ERROR
    expected = reader.expected(sample.contents)
    if expected == sorted(found):
        return ALL
    if reader.expected(sample.plain_names) == sorted(found):
        return USTAR
    return FEWER if len(found) < len(expected) else WRONG


def _worst(kind: Kind, outcomes: Iterable[str]) -> str:
    """Return the worst that a reader does with such archives; where nothing is missing, it need not notice a fault."""
    told = set(outcomes)
    if kind is Kind.WHOLE:
        return " or ".join(sorted(told if told != {ALL, USTAR} else {USTAR}))  # some hold no name that is too long
    return " or ".join(sorted(told - {ERROR, ALL, USTAR})) or ERROR


def _program(line: str, *needs: str) -> Reader:
    """Return a reader that extracts: ``line`` is of bash, with ``{needs}`` for the paths of programs."""

    def command() -> list[str]:
        paths = {name.replace("-", "_"): locate(name) for name in needs}
        return [sys.executable, str(DRIVERS / "extract.py"), line.format_map(paths)]

    return Reader(needs, command)


def _python(name: str, *packages: str, leaves_out: str = "(?!)") -> Reader:
    """Return one from a Python package."""
    tool = "python-readers"
    return Reader((tool,), lambda: [locate(tool), str(DRIVERS / "read.py"), name], packages, leaves_out)


def _script(tool: str, file: str, *arguments: str, run: tuple[str, ...] = ()) -> Reader:
    """Return one whose driver a language's interpreter runs."""
    return Reader((tool,), lambda: [locate(tool), *run, str(DRIVERS / file), *arguments])


def _java(name: str) -> Reader:
    """Return one that ``Read.java`` knows."""
    tool, folder = "java-readers", readers_folder("java")
    classes = os.pathsep.join([str(folder), str(folder / "*")])
    return Reader((tool,), lambda: [locate(tool), "-cp", classes, "Read", name], ("commons-compress",))


def _node(name: str) -> Reader:
    """Return one from an npm package."""
    tool = "node-readers"
    return Reader((tool,), lambda: [locate(tool), str(readers_folder("node") / "read.js"), name], (name,))


def _tarfile(name: str) -> Reader:
    return Reader((), lambda: [sys.executable, str(DRIVERS / "read.py"), name])


READERS = {
    "GNU tar, with gzip": _program('{gnu_tar} -xzf "$1"', "gnu-tar"),
    "bsdtar": _program('{bsdtar} -xzf "$1"', "bsdtar"),
    "BusyBox tar": _program('{busybox} tar -xzf "$1"', "busybox"),
    "pigz and GNU tar, `set -o pipefail`": _program(
        'set -o pipefail; {pigz} -dc "$1" | {gnu_tar} -xf -', "pigz", "gnu-tar"
    ),
    "pigz and GNU tar, without it": _program('{pigz} -dc "$1" | {gnu_tar} -xf -', "pigz", "gnu-tar"),
    "7-Zip, `set -o pipefail`": _program(
        'set -o pipefail; {seven_zip} x -so "$1" | {seven_zip} x -si -ttar -bd >&2', "seven-zip"
    ),
    "Python `tarfile`": _tarfile("tarfile_seeking"),
    "Python `tarfile`, as a stream": _tarfile("tarfile_streaming"),
    "rapidgzip, `tarfile`": _python("rapidgzip", "rapidgzip"),
    "indexed_gzip, `tarfile`": _python("indexed_gzip", "indexed-gzip"),
    "ratarmount": _python("ratarmount", "ratarmountcore", "rapidgzip"),
    "libarchive-c": _python("libarchive_c", "libarchive-c"),
    "WebDataset, files": _python("webdataset_files", "webdataset"),
    "WebDataset, samples": _python("webdataset_samples", "webdataset", leaves_out=r"(^|/)[^./]*$"),
    "fsspec `tar`": _python("fsspec", "fsspec"),
    "DuckDB over fsspec `tar`": _python("duckdb", "duckdb", "fsspec"),
    "Go `archive/tar`, `compress/gzip`": _script("go", "read.go", run=("run",)),
    "Rust `tar`, `flate2::GzDecoder`": Reader(("rust-readers",), lambda: [locate("rust-readers")], ("tar", "flate2")),
    "Java, Commons Compress": _java("commons"),
    "Java, `GZIPInputStream` on a stream without `available()` bytes": _java("jdk"),
    "Node `tar`": _node("tar"),
    "Node `tar-stream`": _node("tar-stream"),
    "Ruby, RubyGems' `TarReader`": _script("ruby", "read.rb", "rubygems"),
    "Ruby, minitar": _script("ruby", "read.rb", "minitar"),
    "Perl `Archive::Tar`": _script("perl", "read.pl"),
}
