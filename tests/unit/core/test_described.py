"""What is kept of what an uploader says."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archives import MemorySource, archive_of, joined
from windrow.core.archive.reader import Archive
from windrow.core.described import Described, described
from windrow.core.manifest import MAX_DESCRIBED_BYTES, ManifestFile, limit_descriptions


def test_all_of_it_is_kept_in_the_order_of_the_names() -> None:
    """However it came: the same file must make the same archive."""
    expected = Described("ab" * 32, "text/csv", {"a": "1", "sha256": "AB" * 32})

    assert expected == described("text/csv", {"SHA256": "AB" * 32, "A": "1"})
    assert ["a", "sha256"] == list(described("", {"SHA256": "x", "A": "1"}).metadata)


def test_what_s3_says_when_nobody_did_is_not_kept() -> None:
    """It gives every object a content type."""
    assert Described() == described("binary/octet-stream", {})


def test_no_more_is_kept_than_s3_stores() -> None:
    """Another server may store more, and each byte goes into the manifest; the checksum counts all the same."""
    most = {"n": "v" * 2047}

    assert most == described("", most).metadata
    assert {} == described("", {"n": "v" * 2048}).metadata
    assert {} == described("", {"n": "\xe9" * 1024}).metadata
    assert "ab" * 32 == described("", {"n": "v" * 2048, "sha256": "ab" * 32}).sha256
    assert ("c" * 255, "") == (described("c" * 255, {}).content_type, described("c" * 256, {}).content_type)


def entry(text: str) -> ManifestFile:
    """Return a file with metadata."""
    file = archive_of([("k", b"")]).manifest.files[0]
    return msgspec.structs.replace(file, metadata={"n": text} if text else {})


def said_bytes(file: ManifestFile) -> int:
    """Return what a file's metadata take in a manifest."""
    return len(msgspec.json.encode({"content_type": "", "metadata": file.metadata})) if file.metadata else 0


@given(st.lists(st.sampled_from(["", "x", "x" * 2_000, "\x01" * 2_000]), min_size=1, max_size=30), st.integers(1, 400))
def test_a_manifest_has_room_for_what_is_kept(texts: list[str], times: int) -> None:
    """Whatever uploaders say; who says no more than an equal share keeps it."""
    files = [entry(text) for text in texts] * times

    kept = limit_descriptions(files)

    fits = sum(map(said_bytes, files)) <= MAX_DESCRIBED_BYTES
    share = MAX_DESCRIBED_BYTES // len(files)
    assert kept == [
        file if fits or said_bytes(file) <= share else msgspec.structs.replace(file, metadata={}, undescribed=True)
        for file in files
    ]
    assert sum(map(said_bytes, kept)) <= MAX_DESCRIBED_BYTES


@pytest.mark.parametrize(("more", "kept"), [(0, 2), (1, 1)])
def test_uploaders_have_4_mib_of_a_manifest(more: int, kept: int) -> None:
    """To the byte; then who said most is left without it."""
    small = entry("x" * 1000)
    overhead = said_bytes(entry("x")) - 1
    large = entry("x" * (4 * 1024 * 1024 + more - said_bytes(small) - overhead))

    assert 4 * 1024 * 1024 + more == said_bytes(small) + said_bytes(large)
    assert kept == sum(bool(file.metadata) for file in limit_descriptions([small, large]))


def test_it_is_in_the_manifest_where_there_is_any() -> None:
    """And takes no byte of it where there is none."""
    said = archive_of([("a", b"1"), ("b", b"2")], said={"data/a": Described(None, "text/plain", {"camera": "7"})})
    files = Archive.open(MemorySource(joined(said))).manifest.files
    written = msgspec.json.decode(msgspec.json.encode(files))

    assert ("text/plain", {"camera": "7"}) == (files[0].content_type, files[0].metadata)
    assert [2, 0] == [len({"content_type", "metadata", "undescribed"} & set(file)) for file in written]
