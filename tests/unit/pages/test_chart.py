from __future__ import annotations

import json
import re

import pytest

from windrow.pages.chart import HEIGHT, WIDTH, Chart, Line, ReferenceLine, Shade, clock, nice_ticks, number, time_ticks


def chart(lines: list[Line], **more: object) -> str:
    """Draw a chart over four x."""
    whole = {
        "title": "T",
        "note": "N",
        "x": [1.0, 2.0, 3.0, 4.0],
        "x_end": 4.0,
        "x_label": clock,
        "x_ticks": [0.0, 2.0, 4.0],
        **more,
    }
    return Chart(lines=lines, **whole).html()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (1.05, [0, 0.5, 1.0]),
        (10, [0, 2, 4, 6, 8, 10]),
        (63, [0, 20, 40, 60]),
        (189, [0, 50, 100, 150]),
        (31_500, [0, 10_000, 20_000, 30_000]),
    ],
)
def test_ticks_are_round(top: float, expected: list[float]) -> None:
    """The axis has a few round values, none beyond its end."""
    assert expected == nice_ticks(top)


def test_ticks_keep_their_distance() -> None:
    """What is counted has no halves on its axis."""
    assert [0, 1, 2] == nice_ticks(2.1, 1.0)


@pytest.mark.parametrize(("end_s", "expected"), [(5, [0, 1, 2, 3, 4, 5]), (600, [0, 120, 240, 360, 480, 600])])
def test_times_have_whole_steps(end_s: float, expected: list[float]) -> None:
    """Seconds for a short run, minutes for a long one."""
    assert expected == time_ticks(end_s)


@pytest.mark.parametrize(("value", "expected"), [(0, "0"), (0.1 + 0.2, "0.3"), (9999, "9999"), (20_000, "20k")])
def test_numbers_are_short(value: float, expected: str) -> None:
    """An axis label has no more digits than it needs."""
    assert expected == number(value)


@pytest.mark.parametrize(("seconds", "expected"), [(0, "0:00"), (59.6, "1:00"), (605, "10:05")])
def test_clock(seconds: float, expected: str) -> None:
    """A time of the run is read as minutes and seconds."""
    assert expected == clock(seconds)


def test_points_are_where_their_values_are() -> None:
    """0 is at the bottom, the highest value just below the top, x from left to right."""
    html = chart([Line("a", [0.0, 10.0, 5.0, 0.0], 1)])
    drawn = re.search(r'class="line c1" d="M([^"]*)"', html)
    assert drawn is not None
    points = [tuple(map(float, point.split())) for point in drawn[1].split("L")]
    assert [WIDTH / 4, WIDTH / 2, WIDTH * 3 / 4, WIDTH] == [x for x, _ in points]
    heights = [HEIGHT - y for _, y in points]
    assert [0.0, pytest.approx(HEIGHT / 1.05, abs=0.1), pytest.approx(HEIGHT / 2.1, abs=0.1), 0.0] == heights


def test_bars_begin_at_their_bin_and_are_as_high_as_their_count() -> None:
    """Each bin with a count is a bar; an empty one is none."""
    html = chart([Line("files", [2, 0, 4, 1], 1)], x=[0.0, 1.0, 2.0, 3.0], bars=1.0)
    bars = re.findall(r'class="bar c1" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"', html)
    assert [20.0, 520.0, 770.0] == [float(x) for x, _, _ in bars]
    assert {"210.0"} == {width for _, width, _ in bars}
    heights = [float(height) for _, _, height in bars]
    assert [pytest.approx(heights[1] / 2, abs=0.1), pytest.approx(heights[1] / 4, abs=0.1)] == [heights[0], heights[2]]


def test_marks_are_never_off_the_chart() -> None:
    """The axis reaches the highest mark, though no value does."""
    html = chart(
        [Line("a", [1.0, 1.0, 1.0, 1.0], 1)],
        marks=[ReferenceLine("2 min", 120.0), ReferenceLine("x", 2.0, upright=True)],
    )
    assert '<b class="across" style="bottom:95.24%">2 min</b>' in html
    assert '<b class="upright" style="left:50.00%">x</b>' in html


def test_shade_covers_its_stretch() -> None:
    """An outage from 1 to 3 covers the middle half of a chart that ends at 4."""
    html = chart([Line("a", [1.0, 1.0, 1.0, 1.0], 1)], shades=[Shade("away", 1.0, 3.0)])
    assert '<rect class="shade" x="250.0" y="0" width="500.0" height="240"/>' in html


def test_nothing_to_draw_is_no_error() -> None:
    """A series without values, and one of zeros, leave an empty chart."""
    assert "<svg" in chart([Line("a", [], 1)], x=[])
    assert "<svg" in chart([Line("a", [0.0, 0.0, 0.0, 0.0], 1, style="area")])


def test_pointer_is_shown_the_values() -> None:
    """The values are in the page for the pointer, and no name can end their script element."""
    html = chart([Line("</script>", [1.0, 2.0, 3.0, 4.0], 1, low=[0.0, 1.0, 2.0, 3.0])])
    found = re.search(r'<script type="application/json">(.*?)</script>', html)
    assert found is not None
    assert [["</script>", [1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0]]] == json.loads(found[1])["lines"]


def test_axes_have_their_units() -> None:
    """At the end of each: what a number on it counts."""
    html = chart([Line("a", [1.0, 2.0, 3.0, 4.0], 1)], unit="files/s", x_unit="min:s since the start")
    ys, xs = (re.search(rf'<div class="{axis}">(.*?)</div>', html) for axis in ("ys", "xs"))
    assert ys is not None
    assert xs is not None
    assert ys[1].endswith("<em>files/s</em>")
    assert xs[1].endswith("<em>min:s since the start</em>")
