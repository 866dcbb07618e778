"""Restoring files from archives into a bucket, as a command."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.unit.archives.shelf import Shelf, at, connected
from tests.unit.archives.test_restore import Target
from tests.unit.cli.test_archive import run
from windrow.archives import Connection
from windrow.cli import archive_restore

FOLDER = "s3://archives/eu/"
TO = ("--to", "s3://target/back")


@pytest.fixture
def target() -> Target:
    """An empty bucket, ``s3://target``."""
    return Target()


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, target: Target) -> Shelf:
    """A bucket with two archives, and a target beside it."""
    shelf = connected(monkeypatch, target=target)
    shelf.add([("a/1", b"old"), ("a/1", b"new"), ("b\x1b[2J", b"z")], at(12, 5), times=[at(12), at(12, 5), at(12)])
    shelf.add([("c", b"c")], at(12, 6))
    return shelf


@pytest.mark.usefixtures("shelf")
def test_what_was_done_is_told(target: Target) -> None:
    """To people and to machines; a second run finds everything there."""
    first = run("extract", FOLDER, *TO)
    second = run("extract", FOLDER, *TO, "--json")

    told = first.stdout.splitlines()
    assert (0, 0) == (first.exit_code, second.exit_code)
    assert (
        "3 files, 5 bytes, written, every SHA-256 verified, to s3://target/back; 0 of 3 were there already" == told[0]
    )
    assert told[1].startswith("1 older versions left out")
    assert {"back/a/1": b"new", "back/b\x1b[2J": b"z", "back/c": b"c"} == target.held()
    assert {
        "ok": True,
        "to": "s3://target/back",
        "dry_run": False,
        "archives": 2,
        "files": 3,
        "bytes": 5,
        "written": 0,
        "written_bytes": 0,
        "present": 3,
        "older_versions": 1,
        "undescribed": 0,
        "conflicts": 0,
        "refused": 0,
        "unreadable": 0,
        "problems": [],
    } == json.loads(second.stdout)


@pytest.mark.usefixtures("shelf")
def test_a_dry_run_only_tells(target: Target) -> None:
    """What is chosen by key, time, version and bucket."""
    chosen = (
        "--key",
        "a/*",
        "--version",
        "v0",
        "--bucket",
        "landing",
        "--since",
        "2026-11-23",
        "--until",
        "2026-11-24",
    )

    result = run("extract", FOLDER, *TO, "--dry-run", *chosen)

    assert "1 file, 3 bytes, would be written, to s3://target/back; 0 of 1 were there already\n" == result.stdout
    assert {} == target.held()


@pytest.mark.usefixtures("shelf")
def test_what_is_there_with_other_bytes_is_named(target: Target) -> None:
    """Without what could act on a terminal; the exit code tells."""
    target.put("back/b\x1b[2J", [b"other"], sha256(b"other").digest(), {})

    result = run("extract", FOLDER, *TO)

    assert 1 == result.exit_code
    assert "1 not written: the target has other bytes under their keys" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.usefixtures("shelf")
def test_nothing_found_is_a_problem() -> None:
    """As it is for ``find``."""
    result = run("extract", FOLDER, *TO, "--key", "absent")

    assert (1, "no file of the 2 archives is selected\n") == (result.exit_code, result.stdout)


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((FOLDER,), "give a target: a folder, or --to"),
        ((FOLDER, "folder", *TO), "with --to there is no folder"),
        ((FOLDER, "--skip-existing", *TO), "with --to there is no folder"),
        ((FOLDER, "folder", "--key", "a"), "go with --to"),
        ((FOLDER, "folder", "--dry-run"), "go with --to"),
        ((FOLDER, "--to", "target"), "is not s3://bucket/prefix"),
        ((FOLDER, "--to", FOLDER), "is where the archives are"),
        ((FOLDER, *TO, "--to-endpoint", "https://s3.example.com"), "--to-endpoint needs --to-profile"),
        ((FOLDER, *TO, "--since", "2026-11-24", "--until", "2026-11-23"), "the range is empty"),
    ],
)
def test_wrong_use_is_refused(arguments: tuple[str, ...], message: str, target: Target) -> None:
    """With what to do instead; nothing is written."""
    result = run("extract", *arguments)

    assert 2 == result.exit_code
    assert message in result.stderr
    assert {} == target.held()
    assert not Path("folder").exists()


def test_the_target_may_be_on_another_server() -> None:
    """Reached with a profile, whatever reaches the archives."""
    options = archive_restore.Options(profile="aws", endpoint="https://s3.example.com")

    assert Connection(endpoint="https://s3.example.com", profile="aws") == options.target()
    assert None is archive_restore.Options().target()
