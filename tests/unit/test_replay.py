"""Replay of listed versions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.events import SourceObject, parse
from windrow.ports import ListedVersion
from windrow.replay import Position, after, notification

T0 = datetime(2026, 11, 23, 10, 7, 31, tzinfo=UTC)


def version(key: str, version_id: str | None = "v1") -> ListedVersion:
    """Return a listed version."""
    return ListedVersion("landing", key, version_id, "e1", 5, T0)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100), st.sampled_from(["v1", None]))
def test_a_replayed_object_is_the_one_that_was_listed(key: str, version_id: str | None) -> None:
    """The pipeline reads from the notification what the listing named."""
    (source,) = parse(notification(version(key, version_id)), {"landing"})

    assert source == SourceObject("landing", key, version_id, "e1", "", 5, T0)


@pytest.mark.parametrize(
    ("position", "left"),
    [
        (None, ["a@1", "b@3", "b@2", "b@1", "c@1"]),
        (Position("landing", "a", "1", 1), ["b@3", "b@2", "b@1", "c@1"]),
        (Position("landing", "b", "2", 3), ["b@1", "c@1"]),
        (Position("landing", "b", "gone", 3), ["b@3", "b@2", "b@1", "c@1"]),
        (Position("landing", "bb", "1", 3), ["c@1"]),
        (Position("landing", "c", "1", 5), []),
        (Position("landing", "z", "1", 5), []),
    ],
    ids=["from the start", "first done", "amid versions", "version deleted meanwhile", "key deleted", "all", "behind"],
)
def test_a_replay_goes_on_where_it_stopped(position: Position | None, left: list[str]) -> None:
    """Nothing is left out; at most one key's versions are queued again."""
    listed = [version("a", "1"), version("b", "3"), version("b", "2"), version("b", "1"), version("c", "1")]

    assert [f"{item.key}@{item.version_id}" for item in after(listed, position)] == left
