"""The page of a statement."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tests.unit.lab.report.test_page import Page
from tests.unit.operations.audit.test_auditor import source
from tests.unit.operations.audit.test_daily import MIDNIGHT, NOON, Days
from windrow.core.windows import DAY
from windrow.operations.audit.page import render
from windrow.operations.audit.report import Finding
from windrow.operations.audit.statement import Statement


def stated(days: Days) -> Statement:
    """Return the statement of the day."""
    told = days.audit()
    assert told is not None
    return told[1]


@pytest.fixture(name="sound")
def _sound() -> Days:
    days = Days()
    days.scene.land(source("a", at=NOON))
    days.scene.deliver(source("a", at=NOON))
    return days


def test_a_sound_day_says_so_and_loads_nothing(sound: Days) -> None:
    """Verdict, figures, charts and what was judged; every element is closed."""
    html = render(stated(sound))
    page = Page(html)

    assert [] == page.open
    assert [] == [value for name, value in page.attributes if name in ("src", "href")]
    assert "http" not in html
    for part in ("Every file that arrived was delivered exactly once", "How long files took", "1 span marked"):
        assert part in page.text
    assert "Findings" not in page.text
    assert "Files in no archive" not in page.text


def test_a_day_with_findings_names_them(sound: Days) -> None:
    """The verdict counts them, and a missing file has a chart that shows when it arrived."""
    sound.scene.land(source("lost", at=NOON))
    sound.scene.deliver(source("a", at=NOON))
    text = Page(render(stated(sound))).text

    assert "1 file not delivered, 1 file delivered twice" in text
    assert "landing/lost: in no archive, version v1" in text
    assert "Files in no archive" in text
    assert "Objective missed" in text


def test_a_day_that_is_only_late_is_no_sound_one(sound: Days) -> None:
    """Nothing is lost, and the objective is missed: both are said."""
    late = source("late", at=NOON)
    sound.scene.land(late)
    sound.scene.deliver(late, after=timedelta(hours=30))
    html = render(stated(sound))

    assert "Every file delivered exactly once, but too late for the objective" in Page(html).text
    assert 'class="verdict bad"' in html
    assert "30.0 h" in Page(html).text


def test_a_day_without_files_has_nothing_to_draw() -> None:
    """And does not read like a sound one."""
    page = Page(render(stated(Days())))

    assert ([], True) == (page.open, "Nothing was judged" in page.text)
    assert "How long files took" not in page.text


def test_other_spans_and_buckets_that_are_not_there(sound: Days) -> None:
    """A span that is no day is told by its times; a lost bucket is in the verdict."""
    sound.scene.index.absent.add("landing")
    sound.inventory_of(MIDNIGHT + timedelta(minutes=30))
    text = Page(render(stated(sound))).text

    assert "Deliveries of 21 November 2026, 23:00 UTC to 22 November 2026, 23:00 UTC" in text
    assert "landing is not there" in text
    assert "Objective not judged" in text
    assert "Inventory of landing s3://i/23/manifest.json, begun 23 November 2026, 00:30 UTC" in text


def test_keys_of_others_are_text(sound: Days) -> None:
    """Whatever a key holds, it neither ends an element nor hides what stands behind it."""
    told = stated(sound)
    nasty = "</li><script>alert(1)</script>\x1b[2J\u202e&"
    report = msgspec.structs.replace(told.report, missing=1, examples={"missing": [Finding(nasty, nasty)]})
    html = render(msgspec.structs.replace(told, report=report))

    assert [] == Page(html).open
    assert "<script>alert" not in html
    assert not {"\x1b", "\u202e"} & set(html)


def test_late_archives_are_named(sound: Days) -> None:
    """With how many files, and when these had arrived."""
    stated(sound)
    late = source("late", at=NOON)
    sound.scene.land(late)
    key = sound.scene.deliver(late, after=sound.scene.clock.now() - NOON + timedelta(minutes=1))
    sound.scene.clock.advance(DAY.total_seconds())
    text = Page(render(stated(sound))).text

    assert "1 file came after their minutes had been marked as complete, in 1 archive" in text
    assert key in text
