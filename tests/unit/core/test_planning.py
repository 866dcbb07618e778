"""Planning of archives."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.events import SourceObject
from windrow.core.keys import archive_key
from windrow.core.manifest import Window, most_manifest_bytes
from windrow.core.planning import MAX_LISTED_BYTES, isolate, plan
from windrow.core.windows import DAY, HOUR, MINUTE, floor

T0 = datetime(2026, 11, 23, 10, 7, 31, tzinfo=UTC)
MIB = 1024 * 1024


def source(key: str, *, at: datetime = T0, size: int = 10, version: str = "v1") -> SourceObject:
    """Return a source object that arrived at ``at``."""
    return SourceObject("landing", key, version, "e", "s", size, at)


objects = st.lists(
    st.builds(
        lambda n, seconds, size: source(f"k{n}", at=T0 + timedelta(seconds=seconds), size=size),
        st.integers(0, 10_000),
        st.integers(0, 400_000),
        st.integers(0, 3 * MIB),
    ),
    max_size=60,
    unique_by=lambda item: item.key,
)


def planned(items: list[SourceObject], limit: int = 256 * MIB) -> list[list[str]]:
    """Return the keys of each planned archive."""
    return [[item.key for item in archive.objects] for archive in plan(items, prefix="p", max_archive_bytes=limit)]


def test_files_fall_into_the_minute_they_arrived_in() -> None:
    """The boundary belongs to the minute that it starts."""
    items = [source("b", at=T0.replace(second=59)), source("c", at=T0.replace(minute=8, second=0)), source("a")]

    assert planned(items) == [["a", "b"], ["c"]]


def test_the_key_tells_window_and_members() -> None:
    """``id`` is the head of the SHA-256 over the sorted ids."""
    identity = sha256(b"landing/a@v1\nlanding/b@v1").hexdigest()[:16]

    (archive,) = plan([source("b"), source("a")], prefix="in/london", max_archive_bytes=MIB)

    assert archive.key == f"in/london/2026/11/23/10/07/20261123T1007Z-{identity}.tar.gz"
    assert archive.window == Window(T0.replace(second=0), T0.replace(minute=8, second=0))


@pytest.mark.parametrize(
    ("width", "path"),
    [
        (MINUTE, "2026/11/23/10/07/20261123T1007Z-"),
        (HOUR, "2026/11/23/10/20261123T1000Z-"),
        (DAY, "2026/11/23/20261123T0000Z-"),
    ],
)
def test_a_wide_window_ends_the_path_at_its_level(width: timedelta, path: str) -> None:
    """Without a prefix the key starts with the year."""
    assert archive_key("", floor(T0, width), width, ["x"]).startswith(path)


@pytest.mark.parametrize(
    ("minutes", "width"), [(1, MINUTE), (8, MINUTE), (9, HOUR), (8 * 60, HOUR), (10 * 60, DAY), (20 * 24 * 60, DAY)]
)
def test_a_backlog_widens_the_windows(minutes: int, width: timedelta) -> None:
    """More than 8 minutes become hours, more than 8 hours become days."""
    start = floor(T0, DAY)
    items = [source(f"{n}", at=start + timedelta(minutes=n)) for n in range(minutes)]

    archives = plan(items, prefix="", max_archive_bytes=256 * MIB)

    assert {archive.window.end - archive.window.start for archive in archives} == {width}


def test_an_archive_stays_under_its_size() -> None:
    """The next file starts the next archive; a file over the limit is alone, and nobody waits for it."""
    items = [source("a", size=6), source("b", size=4), source("c", size=1), source("d", size=99), source("e", size=1)]

    assert planned(items, limit=10) == [["a", "b"], ["c"], ["e"], ["d"]]


@given(objects, st.randoms())
def test_a_plan_loses_nothing_and_does_not_depend_on_order(items: list[SourceObject], rng: random.Random) -> None:
    """Every object is in exactly one archive, inside its window, whatever order the messages came in."""
    archives = plan(items, prefix="p", max_archive_bytes=4 * MIB)
    shuffled = list(items)
    rng.shuffle(shuffled)

    assert sorted(item.key for archive in archives for item in archive.objects) == sorted(item.key for item in items)
    assert all(a.window.start <= item.event_time < a.window.end for a in archives for item in a.objects)
    assert len({archive.key for archive in archives}) == len(archives)
    assert plan(shuffled, prefix="p", max_archive_bytes=4 * MIB) == archives
    assert len({archive.window for archive in archives}) <= 8


@pytest.mark.parametrize(
    ("receives", "sizes"),
    [
        (4, [64, 36]),
        (5, [16, 32, 52]),
        (6, [4, 8, 16, 32, 40]),
        (7, [1, 2, 4, 8, 16, 32, 37]),
        (90, [1, 2, 4, 8, 16, 32, 37]),
    ],
)
def test_groups_shrink_with_each_receive_and_double_with_each_success(receives: int, sizes: list[int]) -> None:
    """The first has 64, 16, 4, then one alone; each that is survived is followed by one twice as large."""
    groups = isolate([(source(f"{n}"), receives) for n in range(100)], salt="request")

    assert [len(group) for group in groups] == sizes


@given(st.lists(st.integers(4, 12), max_size=50), st.text(max_size=8))
def test_isolation_loses_nothing(receives: list[int], salt: str) -> None:
    """Every object is in exactly one group, the larger groups first."""
    items = [(source(f"{n}"), count) for n, count in enumerate(receives)]

    groups = isolate(items, salt=salt)

    assert sorted(item.key for group in groups for item in group) == sorted(item.key for item, _ in items)


def test_a_killer_among_a_thousand_costs_few_rounds_and_few_archives() -> None:
    """Each round the groups before the killer's are delivered; the last group is the killer alone."""
    items = [(source(f"{n}"), 24) for n in range(1000)]
    killer = items[500][0]
    rounds = archives = 0
    while len(items) > 1:
        rounds += 1
        groups = isolate(items, salt=f"request {rounds}")
        fatal = next(index for index, group in enumerate(groups) if killer in group)
        archives += fatal
        done = {item.key for group in groups[:fatal] for item in group}
        items = [(item, receives) for item, receives in items if item.key not in done]

    assert [(killer, 24)] == items
    assert rounds < 30
    assert archives < 100


def test_isolation_shuffles_by_request() -> None:
    """The one that kills must not stand before the same others every time."""
    items = [(source(f"{n}"), 7) for n in range(50)]

    assert isolate(items, salt="one") == isolate(items, salt="one")
    assert isolate(items, salt="one") != isolate(items, salt="two")


def test_an_archive_lists_no_more_than_a_reader_takes() -> None:
    """Keys of control characters take six times their length in a manifest, which must stay below the limit."""
    items = [source(f"{number:04}" + "\x01" * 1020, size=0) for number in range(2_000)]

    archives = plan(items, prefix="p", max_archive_bytes=MIB)

    listed = [sum(most_manifest_bytes(item) for item in archive.objects) for archive in archives]
    assert items == [item for archive in archives for item in archive.objects]
    assert (4, True) == (len(archives), max(listed) <= MAX_LISTED_BYTES)
    assert listed[0] > MAX_LISTED_BYTES - 20_000


def test_an_archive_has_no_more_files_than_a_batch_has_messages() -> None:
    """The limit that readers know is the planner's as well."""
    items = [source(f"{number:05}", size=0) for number in range(10_001)]

    assert [10_000, 1] == [len(archive.objects) for archive in plan(items, prefix="p", max_archive_bytes=MIB)]


def test_files_stand_in_the_order_of_key_version_sequencer_and_bucket() -> None:
    """Where there is no version the ETag stands for it, so that any worker orders them the same way."""
    ordered = [
        SourceObject("z", "a", "v1", "9", "9", 1, T0),
        SourceObject("z", "a", "v2", "1", "1", 1, T0),
        SourceObject("z", "b", None, "e1", "9", 1, T0),
        SourceObject("y", "b", None, "e2", "1", 1, T0),
        SourceObject("y", "b", None, "e2", "2", 1, T0),
        SourceObject("z", "b", None, "e2", "2", 1, T0),
    ]

    (archive,) = plan(reversed(ordered), prefix="p", max_archive_bytes=MIB)

    assert (tuple(ordered), 6) == (archive.objects, archive.raw_bytes)


@pytest.mark.parametrize(("more", "archives"), [(0, 1), (1, 2)])
def test_a_manifest_keeps_4_kib_for_what_stands_around_its_files(more: int, archives: int) -> None:
    """Of 16 MiB, with 4 MiB for what uploaders said: to the byte."""
    limit = 12 * MIB - 4096
    items = [source(f"{number:04}" + "\x01" * 1020, size=0) for number in range(660)]
    left = limit - sum(map(most_manifest_bytes, items))
    last = source("z", size=0)
    padding = left - most_manifest_bytes(last) + more
    filler = SourceObject("landing", "z", "v1", "e" + "x" * padding, "s", 0, T0)

    assert limit + more == sum(map(most_manifest_bytes, [*items, filler]))
    assert archives == len(plan([*items, filler], prefix="p", max_archive_bytes=MIB))
