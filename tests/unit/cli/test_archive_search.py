"""The archives of a folder, and those that hold a key, as commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.archives.shelf import Shelf, at, connected
from tests.unit.cli.test_archive import run
from windrow.core.keys import archive_key
from windrow.core.windows import HOUR, MINUTE


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A bucket with an archive of a minute, one of an hour, and a tombstone."""
    shelf = connected(monkeypatch)
    shelf.add([("a/1", b"x")], at(12, 5))
    shelf.add([("a/1", b"y"), ("b\x1b[2J", b"z")], at(13), HOUR)
    shelf.add([], at(12, 6))
    return shelf


def test_ls_of_a_folder_lists_archives(shelf: Shelf) -> None:
    """For people a line each, for machines what there is to know of each."""
    plain, machine = run("ls", "s3://archives/eu/"), run("ls", "s3://archives/eu/", "--json")

    first = archive_key("eu", at(12, 5), MINUTE, ["0"])
    size = shelf.destination.objects[first][0].size
    lines = plain.stdout.splitlines()
    assert (0, 2) == (plain.exit_code, len(lines))
    assert f"2026-11-23 12:05Z to 2026-11-23 12:06Z  {size:>14,}  s3://archives/{first}" == lines[0]
    assert {
        "location": f"s3://archives/{first}",
        "key": first.removeprefix("eu/"),
        "window_start": "2026-11-23T12:05:00Z",
        "window_end": "2026-11-23T12:06:00Z",
        "archive_bytes": size,
    } == json.loads(machine.stdout)["archives"][0]


@pytest.mark.usefixtures("shelf")
def test_ls_of_a_range() -> None:
    """An archive of an hour is listed for each minute of it."""
    times = ("--since", "2026-11-23T13:20:00Z", "--until", "2026-11-23T13:21:00Z")

    listed = json.loads(run("ls", "s3://archives/eu/", *times, "--json").stdout)["archives"]

    assert ["2026-11-23T13:00:00Z"] == [each["window_start"] for each in listed]


@pytest.mark.usefixtures("shelf")
def test_find_names_each_archive_that_holds_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the destination's own prefix, unless another is named."""
    monkeypatch.setenv("WINDROW_DESTINATION_BUCKET", "archives")
    monkeypatch.setenv("WINDROW_DESTINATION_PREFIX", "eu")

    plain, machine = run("find", "a/1"), json.loads(run("find", "a/*", "s3://archives/eu", "--json").stdout)

    assert (0, 2) == (plain.exit_code, plain.stdout.count("  data/a/1  v0  2026-11-23 1"))
    assert [f["archive"] for f in machine["files"]] == [line.split("  ")[0] for line in plain.stdout.splitlines()]
    assert (True, "a/1", 1) == (machine["ok"], machine["files"][0]["key"], machine["files"][0]["size"])


@pytest.mark.usefixtures("shelf")
def test_find_shows_no_foreign_text_raw() -> None:
    """Keys are others' text."""
    result = run("find", "b*", "s3://archives/eu")

    assert (0, False) == (result.exit_code, "\x1b" in result.stdout)


@pytest.mark.usefixtures("shelf")
def test_find_of_a_key_that_no_archive_holds_exits_with_1() -> None:
    """In words and as JSON."""
    plain, machine = run("find", "nowhere", "s3://archives/eu"), run("find", "nowhere", "s3://archives/eu", "--json")

    assert (1, 1) == (plain.exit_code, machine.exit_code)
    assert "no archive holds nowhere\n" == plain.stdout
    assert {"ok": False, "files": []} == json.loads(machine.stdout)


def test_ls_of_an_empty_folder_is_fine(tmp_path: Path) -> None:
    """There may be none yet."""
    assert (0, {"ok": True, "archives": []}) == (
        (result := run("ls", str(tmp_path), "--json")).exit_code,
        json.loads(result.stdout),
    )
