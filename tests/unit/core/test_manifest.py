"""The manifest as it is written and read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.archives import MOMENT, WINDOW, archive_of, source
from windrow.core.manifest import Manifest, ManifestFile, most_manifest_bytes


def entry(**changes: object) -> dict[str, object]:
    """Return one file of a manifest as JSON would hold it."""
    plain: dict[str, object] = {
        "name": "data/a",
        "bucket": "landing",
        "key": "a",
        "version_id": "v",
        "etag": "e",
        "size": 1,
        "sha256": "0" * 64,
        "event_time": "2026-11-23T10:07:03.5Z",
        "frame": 0,
        "offset": 512,
    }
    return plain | changes


def test_the_json_has_exactly_the_fields_of_the_format() -> None:
    """The names are a contract with every other reader."""
    written = msgspec.json.decode(msgspec.json.encode(archive_of([("a", b"1")]).manifest))

    assert ["format", "window_start", "window_end", "files", "frames"] == list(written)
    assert list(entry()) == list(written["files"][0])
    assert ["offset", "length"] == list(written["frames"][0])
    assert ("2026-11-23T10:07:00Z", "2026-11-23T10:08:00Z") == (written["window_start"], written["window_end"])
    assert "2026-11-23T10:07:03.500000Z" == written["files"][0]["event_time"]


@pytest.mark.parametrize("version_id", ["v7", None])
def test_a_file_knows_the_id_of_its_source(version_id: str | None) -> None:
    """The ledger can be rebuilt from manifests alone."""
    src = source("k", version_id=version_id)
    sequencer = "" if version_id else src.sequencer
    file = ManifestFile("data/k", "landing", "k", version_id, src.etag, 0, "0" * 64, MOMENT, 0, 512, sequencer)

    manifest = Manifest("windrow/1", WINDOW.start, WINDOW.end, [file], [])

    assert frozenset({src.object_id}) == manifest.object_ids
    assert WINDOW == manifest.window


@pytest.mark.parametrize(
    "changes",
    [
        {"size": -1},
        {"frame": -1},
        {"offset": -1},
        {"size": "1"},
        {"sha256": "0" * 63},
        {"sha256": "A" * 64},
        {"sha256": "0" * 64 + "\n"},
        {"event_time": "2026-11-23T10:07:03"},
        {"event_time": "yesterday"},
        {"name": None},
        {"key": "k" * 1025},
        {"version_id": "v" * 1025},
        {"size": 2**63},
    ],
)
def test_values_that_cannot_be_are_refused(changes: dict[str, object]) -> None:
    """A manifest comes out of an archive that anybody may have written."""
    data = msgspec.json.encode(entry(**changes))

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(data, type=ManifestFile)


@pytest.mark.parametrize("field", ["bucket", "key", "version_id", "etag", "sequencer"])
def test_texts_of_1024_characters_are_the_longest(field: str) -> None:
    """A key has no more bytes, a version id no more characters."""
    longest, longer = (msgspec.json.encode(entry(**{field: "x" * length})) for length in (1024, 1025))

    assert "x" * 1024 == getattr(msgspec.json.decode(longest, type=ManifestFile), field)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(longer, type=ManifestFile)


@pytest.mark.parametrize("field", ["files", "frames"])
def test_a_manifest_lists_ten_thousand_at_most(field: str) -> None:
    """As many as a batch has messages."""
    rows: list[object] = [entry() if field == "files" else {"offset": 0, "length": 1}] * 10_000
    plain: dict[str, object] = {
        "format": "windrow/1",
        "window_start": "2026-11-23T10:07:00Z",
        "window_end": "2026-11-23T10:08:00Z",
        "files": [],
        "frames": [],
    }

    assert 10_000 == len(getattr(msgspec.json.decode(msgspec.json.encode(plain | {field: rows}), type=Manifest), field))
    more = msgspec.json.encode(plain | {field: [*rows, rows[0]]})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(more, type=Manifest)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=1024), min_size=1, max_size=5))
@example(["/" * 1024])
@example(["\x01" * 1024])
@example(['"' * 1024])
@example(["\\" * 1024, "\u2028" * 341])
def test_a_file_takes_no_more_of_a_manifest_than_planning_counts(keys: list[str]) -> None:
    """Whatever JSON and the rules for names make of a key: else an archive could be one that nobody reads."""
    files = [(key.encode()[:1024].decode(errors="ignore"), b"") for key in keys]
    archive = archive_of(files, files_a_frame=1)
    counted = sum(most_manifest_bytes(source(key, version_id=f"v{number}")) for number, (key, _) in enumerate(files))

    assert len(msgspec.json.encode(archive.manifest)) <= counted + 4096
