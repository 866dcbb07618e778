"""Keys and folders at the destination."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from windrow.core.completeness import Mark
from windrow.core.keys import (
    archive_key,
    canary_folder,
    canary_key,
    canary_made_at_s,
    day_folder,
    is_internal,
    is_staged,
    mark_folder,
    mark_key,
    quarantine_key,
    rebuild_key,
    retention_folder,
    span_of,
    staged_at_s,
    staging_folder,
    staging_key,
    statement_folder,
    statement_key,
    statement_of,
    window_of,
)
from windrow.core.manifest import Window
from windrow.core.windows import DAY, HOUR, MINUTE, floor

T0 = datetime(2026, 11, 23, 10, 7, 31, tzinfo=UTC)


def at(hour: int) -> datetime:
    """Return a full hour."""
    return datetime(2026, 11, 23, hour, tzinfo=UTC)


@pytest.mark.parametrize("prefix", ["", "in/london"])
@pytest.mark.parametrize("width", [MINUTE, HOUR, DAY])
def test_an_archives_key_tells_its_window(prefix: str, width: timedelta) -> None:
    """The depth of the path tells how wide it is."""
    start = floor(T0, width)

    assert Window(start, start + width) == window_of(archive_key(prefix, start, width, ["x"]))


@pytest.mark.parametrize(
    "key",
    [
        "2026/11/23/10/07/20261123T1007Z-0123456789abcdef.tar",
        "2026/11/23/10/07/20261123T1007Z-0123456789abcdef.tar.gz.broken-20261123T100731Z",
        "2026/11/23/10/07/20261123T1007Z-0123456789abcde.tar.gz",
        "2026/11/20261123T1007Z-0123456789abcdef.tar.gz",
        "2026/11/23/10/07/08/20261123T1007Z-0123456789abcdef.tar.gz",
        "in2026/11/23/10/07/20261123T1007Z-0123456789abcdef.tar.gz",
        "2026/13/45/10/07/20261345T1007Z-0123456789abcdef.tar.gz",
    ],
)
def test_what_is_no_archives_key_tells_no_window(key: str) -> None:
    """Other objects may lie beside the archives; a date that the calendar does not have is no window either."""
    assert window_of(key) is None


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        (lambda prefix: day_folder(prefix, T0), "2026/11/23/"),
        (lambda prefix: mark_folder(prefix, T0), ".windrow-complete/2026/11/23/"),
        (lambda prefix: statement_folder(prefix, T0), ".windrow-statements/2026/11/23/"),
        (staging_folder, ".windrow-staging/"),
        (canary_folder, ".windrow-canary/"),
        (retention_folder, ".windrow-retention/"),
    ],
)
def test_folders_stand_below_the_prefix(folder: Callable[[str], str], path: str) -> None:
    """Each ends in a slash; all but that of a day's archives are told apart from it by their names."""
    assert (f"p/{path}", path) == (folder("p"), folder(""))
    assert path.startswith(".") == is_internal(f"p/{path}x") == is_internal(f"{path}x")


def test_a_folder_that_is_named_almost_like_it_is_none_of_windrows() -> None:
    """Its objects may be archives."""
    assert [False, False, False] == [is_internal(key) for key in ("windrow-x/a", "a.windrow-x/a", "p/.windrow/a")]


def test_a_staging_key_tells_its_object_and_when_it_was_made() -> None:
    """And no other key does."""
    key = staging_key("p/q", "object", "owner", T0)

    assert int(T0.timestamp()) == staged_at_s(key)
    assert [True, False] == [is_staged(key, object_id) for object_id in ("object", "owner")]
    assert key != staging_key("p/q", "object", "another owner", T0)
    for other in (f"{key}x", "p/.windrow-staging/notes", key.replace("staging", "canary")):
        assert (None, False) == (staged_at_s(other), is_staged(other, "object"))


def test_a_canarys_key_tells_when_it_was_made() -> None:
    """And no other key does."""
    key = canary_key("p/q", "id-1", T0)

    assert int(T0.timestamp()) == canary_made_at_s(key)
    assert {None} == {canary_made_at_s(other) for other in (f"{key}/x", "p/.windrow-canary/notes", f"p/{key[20:]}")}


def test_what_was_claimed_before_gets_a_key_of_its_own() -> None:
    """In the same window; another one for each run, and the same one however often a run asks."""
    key = archive_key("p", floor(T0, MINUTE), MINUTE, ["x"])
    identity = key[-len("0123456789abcdef.tar.gz") :].removesuffix(".tar.gz")
    again = sha256(f"{identity}request-1".encode()).hexdigest()[:16]

    assert f"p/2026/11/23/10/07/20261123T1007Z-{again}.tar.gz" == rebuild_key(key, "request-1")
    assert window_of(key) == window_of(rebuild_key(key, "request-2"))
    assert rebuild_key(key, "request-1") != rebuild_key(key, "request-2")


@pytest.mark.parametrize(("prefix", "folder"), [("", ".windrow-quarantine"), ("p/q", "p/q/.windrow-quarantine")])
def test_what_is_quarantined_is_no_archive_by_its_key(prefix: str, folder: str) -> None:
    """It keeps its path below a folder of its own, with the second at which it was stored."""
    path = archive_key("", floor(T0, MINUTE), MINUTE, ["x"])
    kept_as = quarantine_key(prefix, f"{prefix}/{path}" if prefix else path, T0)

    assert f"{folder}/{path}.20261123T100731Z" == kept_as
    assert window_of(kept_as) is None


@pytest.mark.parametrize("prefix", ["", "eu/west"])
def test_a_key_tells_its_span(prefix: str) -> None:
    """Of any prefix."""
    mark = Mark(at(10), at(11), at(12), 0, {})

    key = mark_key(prefix, mark)

    assert key.endswith(".windrow-complete/2026/11/23/20261123T100000Z-20261123T110000Z.20261123T120000Z.json")
    assert Window(at(10), at(11)) == span_of(key)


@pytest.mark.parametrize("prefix", ["", "eu/west"])
def test_a_statements_key_tells_its_span_and_when_it_was_judged(prefix: str) -> None:
    """That of its page tells nothing: where the JSON is, both are."""
    span = Window(at(10), at(11))
    key, page = (statement_key(prefix, span, at(12), form) for form in ("json", "html"))

    assert key.endswith(".windrow-statements/2026/11/23/20261123T100000Z-20261123T110000Z.20261123T120000Z.json")
    assert ((span, at(12)), None) == (statement_of(key), statement_of(page))
    assert (None, None) == (span_of(key), statement_of(key.replace("statements", "complete")))


@pytest.mark.parametrize(
    "key",
    [
        "2026/11/23/20261123T100000Z-20261123T110000Z.20261123T120000Z.json",
        "x.windrow-complete/2026/11/23/20261123T100000Z-20261123T110000Z.20261123T120000Z.json",
        ".windrow-complete/2026/11/23/20261123T110000Z-20261123T110000Z.20261123T120000Z.json",
        ".windrow-complete/2026/11/23/20261323T100000Z-20261123T110000Z.20261123T120000Z.json",
        ".windrow-complete/2026/11/23/20261123T100000Z-20261123T110000Z.20261123T120000Z.json.gz",
    ],
)
def test_another_key_tells_nothing(key: str) -> None:
    """Elsewhere, empty, no time, of another kind."""
    assert None is span_of(key)
