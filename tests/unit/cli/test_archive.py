"""The archive commands: output, exit codes, range reads."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO, StringIO, TextIOWrapper
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.archives import archive_of, joined
from windrow.archives import connection
from windrow.cli import archive as command
from windrow.cli import root
from windrow.core.archive.writer import SealedArchive
from windrow.core.errors import DestinationError, DestinationFault
from windrow.core.faults import explained
from windrow.ports import Stored

FILES = [
    ("logs/a b.txt", b"first\n"),
    ("report.csv", b"one"),
    ("report.csv", b"two"),
    ("raw.bin", bytes(range(256)) * 300),
    ("odd\nkey", b"[bold]odd[/bold]"),
]


@dataclass
class OneArchive:
    """A destination that holds one archive and remembers the ranges read."""

    data: bytes
    metadata: Mapping[str, str]
    fault: DestinationError | None = None
    reads: list[tuple[int, int]] = field(default_factory=list)

    def head(self, key: str) -> Stored | None:
        """Return the archive's description under the key ``there``."""
        if self.fault:
            raise self.fault
        if key != "in/there.tar.gz":
            return None
        return Stored(len(self.data), "etag", self.metadata, None, datetime(2026, 11, 23, tzinfo=UTC))

    def read(self, key: str, start: int, length: int) -> bytes:
        """Return a range."""
        self.reads.append((start, length))
        return self.data[start : start + length]


@pytest.fixture
def sealed() -> SealedArchive:
    """An archive with two versions of a key."""
    return archive_of(FILES)


@pytest.fixture
def local(sealed: SealedArchive, tmp_path: Path) -> str:
    """The archive as a file."""
    path = tmp_path / "one.tar.gz"
    path.write_bytes(joined(sealed))
    return str(path)


@pytest.fixture
def stored(sealed: SealedArchive, monkeypatch: pytest.MonkeyPatch) -> OneArchive:
    """The archive in a destination that the commands connect to."""
    destination = OneArchive(joined(sealed), sealed.metadata)
    buckets = {"archives": destination}
    monkeypatch.setattr(connection.Buckets, "bucket", lambda _, name: buckets[name])
    return destination


URL = "s3://archives/in/there.tar.gz"


class Result(NamedTuple):
    """What a command left behind."""

    exit_code: int
    stdout_bytes: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        """Standard output as text."""
        return self.stdout_bytes.decode()


def run(*arguments: str) -> Result:
    """Run one ``windrow archive`` command as the entry point does."""
    out, err = TextIOWrapper(BytesIO(), "utf-8", newline=""), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = root.run(["archive", *arguments])
    out.flush()
    return Result(code, out.buffer.getvalue(), err.getvalue())


def test_ls_lists_every_file(local: str) -> None:
    """A person sees name, size, digest and time of each file, unshortened and unstyled."""
    result = run("ls", local)

    assert 0 == result.exit_code
    lines = result.stdout.splitlines()
    assert ["data/logs/a", "b.txt", "6", sha256(b"first\n").hexdigest()[:12], "2026-11-23", "10:07:03Z"] == lines[
        1
    ].split()
    assert len(FILES) + 2 == len(lines)
    assert lines[-1].startswith("5 files, 76,828 bytes in ")


def test_ls_reads_the_manifest_only(stored: OneArchive, sealed: SealedArchive) -> None:
    """Listing costs one range read, and --json gives the manifest as it is."""
    result = run("ls", URL, "--json")

    listed = json.loads(result.stdout)
    assert [(0, int(sealed.metadata["manifest-bytes"]))] == stored.reads
    assert [key for key, _ in FILES] == [file["key"] for file in listed["files"]]
    assert (True, "windrow/1", sealed.size) == (listed["ok"], listed["format"], listed["archive_bytes"])


@pytest.mark.parametrize(
    "selector", [["data/raw.bin"], ["raw.bin"], ["--key", "raw.bin"]], ids=["member", "short", "key"]
)
def test_cat_writes_the_bytes_with_two_range_reads(stored: OneArchive, selector: list[str]) -> None:
    """By member name, by short name or by raw key: the bytes of the file, for two reads."""
    result = run("cat", URL, *selector)

    assert (0, FILES[3][1]) == (result.exit_code, result.stdout_bytes)
    assert 2 == len(stored.reads)


def test_cat_finds_a_key_that_had_to_change(local: str) -> None:
    """The raw key is the file's identity, whatever its name in the tar."""
    assert FILES[4][1] == run("cat", local, "--key", "odd\nkey").stdout_bytes


def test_cat_as_json_holds_entry_and_content(local: str) -> None:
    """A machine gets the manifest entry and the bytes in one object."""
    answer = json.loads(run("cat", local, "raw.bin", "--json").stdout)

    assert FILES[3][1] == base64.b64decode(answer["content_base64"])
    assert ("data/raw.bin", 76_800) == (answer["name"], answer["size"])


def test_cat_names_the_versions_of_an_ambiguous_key(local: str, sealed: SealedArchive) -> None:
    """Two versions have one key: the answer names both members."""
    result = run("cat", local, "--key", "report.csv")

    assert 2 == result.exit_code
    assert all(file.name in result.stderr for file in sealed.manifest.files if file.key == "report.csv")
    assert b"" == result.stdout_bytes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cat", "{local}", "absent"], "no member 'absent'"),
        (["cat", "{local}", "--key", "absent"], "no key 'absent'"),
        (["cat", "{local}"], "member name or by --key"),
        (["cat", "{local}", "raw.bin", "--key", "raw.bin"], "member name or by --key"),
        (["extract", "{local}", "{folder}", "absent"], "no member 'absent'"),
        (["ls", "{folder}/absent.tar.gz"], "cannot be opened"),
        (["verify", "{folder}"], "cannot be opened"),
        (["ls", "{folder}/absent/"], "is not a folder"),
        (["ls", "{local}", "--since", "1h"], "with a slash at its end"),
        (["ls", "{folder}", "--since", "1h", "--until", "2h"], "the range is empty"),
        (["find", "key"], "WINDROW_DESTINATION_BUCKET is needed"),
        (["ls", "s3://archives/absent.tar.gz"], "holds no archive"),
        (["cat", "s3://archives", "x"], "is not s3://bucket/key"),
        (["verify", "s3:///x"], "is not s3://bucket/key"),
    ],
)
def test_wrong_use_exits_with_2(
    local: str, stored: OneArchive, tmp_path: Path, arguments: list[str], words: str
) -> None:
    """What does not exist is the user's mistake, told as such, as text and as JSON."""
    filled = [argument.format(local=local, folder=tmp_path) for argument in arguments]

    plain, machine = run(*filled), run(*filled, "--json")

    assert (2, 2) == (plain.exit_code, machine.exit_code)
    assert words in plain.stderr
    answer = json.loads(machine.stdout)
    assert not answer["ok"]
    assert words in answer["error"]


def test_extract_writes_all_files(local: str, sealed: SealedArchive, tmp_path: Path) -> None:
    """Without names everything is written and counted."""
    answer = json.loads(run("extract", local, str(tmp_path / "out"), "--json").stdout)

    assert {"ok": True, "folder": str(tmp_path / "out"), "files": 5, "bytes": 76_828} == answer
    for file, (_, content) in zip(sealed.manifest.files, FILES, strict=True):
        assert content == (tmp_path / "out" / file.name).read_bytes()


def test_extract_writes_the_named_files_only(local: str, tmp_path: Path) -> None:
    """Names choose, with or without ``data/``; a name given twice counts once."""
    result = run("extract", local, str(tmp_path / "out"), "raw.bin", "data/logs/a b.txt", "raw.bin")

    assert 0 == result.exit_code
    assert "2 files, 76,806 bytes" in result.stdout
    assert {"raw.bin", "a b.txt"} == {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}


def test_extract_takes_up_where_it_ended(local: str, tmp_path: Path) -> None:
    """With --skip-existing what is there is left, and only the rest counts."""
    run("extract", local, str(tmp_path / "out"), "raw.bin")

    answer = json.loads(run("extract", local, str(tmp_path / "out"), "--skip-existing", "--json").stdout)

    assert {"ok": True, "folder": str(tmp_path / "out"), "files": 4, "bytes": 28} == answer


def test_extract_over_existing_files_exits_with_2(local: str, tmp_path: Path) -> None:
    """Nothing is overwritten."""
    run("extract", local, str(tmp_path / "out"))

    result = run("extract", local, str(tmp_path / "out"))

    assert (2, True) == (result.exit_code, "File exists" in result.stderr)


def test_verify_tells_what_it_checked(stored: OneArchive, local: str, sealed: SealedArchive) -> None:
    """The digest of the whole archive is compared where the destination keeps one."""
    by_file, by_url = (json.loads(run("verify", where, "--json").stdout) for where in (local, URL))

    expected = {
        "ok": True,
        "files": 5,
        "raw_bytes": 76_828,
        "archive_bytes": sealed.size,
        "sha256": sealed.sha256.hex(),
    }
    assert expected | {"sha256_compared": False} == by_file
    assert expected | {"sha256_compared": True} == by_url
    assert f"sound: 5 files, {sealed.size:,} bytes" in run("verify", local).stdout


@pytest.mark.parametrize("name", ["verify", "extract", "cat"])
def test_a_damaged_archive_exits_with_1(local: str, tmp_path: Path, name: str) -> None:
    """Whoever reads the damaged place is told which it is."""
    data = bytearray(Path(local).read_bytes())
    data[-120] ^= 0xFF
    Path(local).write_bytes(data)
    arguments = {"verify": [], "extract": [str(tmp_path / "out")], "cat": ["--key", "odd\nkey"]}[name]

    result = run(name, local, *arguments)

    assert 1 == result.exit_code
    assert result.stderr.startswith(f"error: {local} is not a sound archive of Windrow's: ")


@pytest.mark.parametrize("arguments", [["ls"], ["verify"], ["cat", "--key", "k"]], ids=lambda arguments: arguments[0])
def test_a_file_that_is_no_archive_is_named_and_called_that(tmp_path: Path, arguments: list[str]) -> None:
    """Somebody typed another file's name."""
    path = tmp_path / "notes.txt"
    path.write_text("This is no archive. " * 99)
    command, *options = arguments

    result = run(command, str(path), *options)

    assert 1 == result.exit_code
    assert f"error: {path} is not a sound archive of Windrow's: the archive does not begin as" in result.stderr


def test_metadata_that_does_not_match_exits_with_1(stored: OneArchive, sealed: SealedArchive) -> None:
    """The stored digest was changed, the archive was not."""
    stored.metadata = {**sealed.metadata, "sha256_checksum": "0" * 64}

    result = run("verify", URL)

    assert (1, True) == (result.exit_code, "its metadata says 0000" in result.stderr)


def test_missing_metadata_is_no_obstacle(stored: OneArchive) -> None:
    """An archive that was copied without its metadata still opens, for more reads."""
    stored.metadata = {}

    assert (0, FILES[3][1]) == ((result := run("cat", URL, "raw.bin")).exit_code, result.stdout_bytes)


def test_an_unreachable_destination_exits_with_1(stored: OneArchive) -> None:
    """That is no wrong use: the same command may work later."""
    stored.fault = DestinationError("no route", DestinationFault.CONNECT)

    result = run("ls", URL)

    assert (1, f"error: {explained(stored.fault)}\n") == (result.exit_code, result.stderr)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "Set AWS_REGION"),
        ({"AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL": "http://far.example"}, "must use https://"),
        ({"WINDROW_DESTINATION_ENDPOINT": "http://far.example"}, "must use https://"),
        ({"WINDROW_DESTINATION_ENDPOIN": "x"}, "did you mean WINDROW_DESTINATION_ENDPOINT?"),
    ],
)
def test_an_s3_url_without_a_server_says_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], words: str
) -> None:
    """The error names the setting."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    result = run("ls", URL)

    assert 2 == result.exit_code
    assert words in result.stderr


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        *product(("ls", "verify", "cat", "extract"), ("pipe", "device")),
        *product(("verify", "cat", "extract"), ("folder",)),
    ],
)
def test_what_is_no_file_is_refused_at_once(command: str, kind: str, tmp_path: Path) -> None:
    """A pipe that nobody writes to is not waited on, and a device without end is not read."""
    place = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(place)
    rest = {"cat": ["name"], "extract": [str(tmp_path / "out")]}.get(command, [])
    result = run(command, str(place), *rest)
    assert (2, True) == (result.exit_code, "cannot be opened: it is not a regular file" in result.stderr)


def test_a_large_file_is_no_json(local: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Base64 in one object would hold it in memory several times; written as it is it takes a piece."""
    monkeypatch.setattr(command, "JSON_BYTES", 76_799)
    result = run("cat", local, "raw.bin", "--json")
    assert (2, True) == (result.exit_code, "leave --json out" in json.loads(result.stdout)["error"])
    assert 0 == run("cat", local, "raw.bin").exit_code
