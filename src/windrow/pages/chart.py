"""Charts as inline SVG. Lines are stretched with the page; labels are HTML, so that text keeps its size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

import msgspec

from windrow.core.objectives import FAST_S, SURE_S

WIDTH, HEIGHT = 1000.0, 240.0
"""Size of a drawing, in its own units; a page stretches it to any size."""
TICKS = 5
"""Approximate number of labels on an axis."""
HEADROOM = 1.05


class Line(msgspec.Struct, frozen=True):
    """One series: its name, its values (one for each x of the chart), and how it is drawn.

    ``style`` is ``line``, ``area`` (filled down to 0) or ``steps``. With ``low``, the space down to those values is
    filled too. ``colour`` is the number of one of the page's colours.
    """

    name: str
    values: Sequence[float]
    colour: int
    style: str = "line"
    low: Sequence[float] | None = None


class ReferenceLine(msgspec.Struct, frozen=True):
    """A named line across the chart at a value, or at an x if ``upright``."""

    name: str
    at: float
    upright: bool = False


def objective_lines(*, upright: bool = False) -> list[ReferenceLine]:
    """Return the lines of the latency objective, at 2 and 3 minutes; upright ones if latency is on the x axis."""
    if upright:
        return [ReferenceLine("2 min", FAST_S, upright=True), ReferenceLine("3 min", SURE_S, upright=True)]
    return [ReferenceLine("2 min: 95 % by then", FAST_S), ReferenceLine("3 min: 99.9 % by then", SURE_S)]


class Shade(msgspec.Struct, frozen=True):
    """A named section of the x axis that is shaded."""

    name: str
    start: float
    end: float


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart over ``x``; ``unit`` and ``x_unit`` are shown at the ends of the axes.

    ``least`` is the least top of the y axis, ``least_step`` the least distance of its labels. ``x_label`` turns an x
    into text. With ``bars``, lines are drawn as bars of this width that begin at each x.
    """

    title: str
    note: str
    x: Sequence[float]
    x_end: float
    x_label: Callable[[float], str]
    x_ticks: Sequence[float]
    lines: Sequence[Line]
    unit: str = ""
    x_unit: str = ""
    marks: Sequence[ReferenceLine] = ()
    shades: Sequence[Shade] = ()
    least: float = 0.0
    least_step: float = 0.0
    bars: float = 0.0

    def html(self) -> str:
        """Return the figure."""
        top = self._top()
        ticks = nice_ticks(top, self.least_step)
        ys = "".join(f'<i style="bottom:{100 * tick / top:.2f}%">{number(tick)}</i>' for tick in ticks)
        xs = "".join(
            f'<i style="left:{100 * tick / self.x_end:.2f}%">{escape(self.x_label(tick))}</i>' for tick in self.x_ticks
        )
        return (
            f"<figure><figcaption><h3>{escape(self.title)}</h3><p>{escape(self.note)}</p>{self._legend()}</figcaption>"
            f'<div class="plot" data-x="{self.x_end:g}" data-unit="{escape(self.unit)}">'
            f'<div class="ys">{ys}<em>{escape(self.unit)}</em></div>'
            f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" role="img" '
            f'aria-label="{escape(self.title)}">{self._drawing(top, ticks)}</svg>{self._labels(top)}'
            f'<div class="xs">{xs}<em>{escape(self.x_unit)}</em></div>'
            f'<script type="application/json">{self._data()}</script></div></figure>'
        )

    def _top(self) -> float:
        values = [value for line in self.lines for value in line.values]
        marks = [mark.at for mark in self.marks if not mark.upright]
        return max([self.least, *values, *marks], default=0.0) * HEADROOM or 1.0

    def _drawing(self, top: float, ticks: Sequence[float]) -> str:
        grid = "".join(f'<path class="grid" d="M0 {_y(tick, top)}H{WIDTH:g}"/>' for tick in ticks)
        shades = "".join(
            f'<rect class="shade" x="{self._at(shade.start)}" y="0" '
            f'width="{(shade.end - shade.start) / self.x_end * WIDTH:.1f}" height="{HEIGHT:g}"/>'
            for shade in self.shades
        )
        lines = "".join(self._bars(top) if self.bars else self._line(line, top) for line in self.lines)
        marks = "".join(
            f'<path class="mark" d="M{self._at(mark.at)} 0V{HEIGHT:g}"/>'
            if mark.upright
            else f'<path class="mark" d="M0 {_y(mark.at, top)}H{WIDTH:g}"/>'
            for mark in self.marks
        )
        return shades + grid + lines + marks

    def _line(self, line: Line, top: float) -> str:
        if not line.values:
            return ""
        path = self._path(line.values, top, steps=line.style == "steps")
        filled = ""
        if line.low is not None:
            back = "L".join(
                f"{self._at(x)} {_y(y, top)}" for x, y in reversed(list(zip(self.x, line.low, strict=True)))
            )
            filled = f'<path class="fill c{line.colour}" d="{path}L{back}Z"/>'
        elif line.style == "area":
            filled = (
                f'<path class="fill c{line.colour}" d="{path}L{self._at(self.x[-1])} {HEIGHT:g}'
                f'L{self._at(self.x[0])} {HEIGHT:g}Z"/>'
            )
        return f'{filled}<path class="line c{line.colour}" d="{path}"/>'

    def _bars(self, top: float) -> str:
        width = self.bars / self.x_end * WIDTH
        gap = width * 0.08
        return "".join(
            f'<rect class="bar c{line.colour}" x="{x / self.x_end * WIDTH + gap:.1f}" y="{_y(y, top)}" '
            f'width="{width - 2 * gap:.1f}" height="{y / top * HEIGHT:.1f}"/>'
            for line in self.lines
            for x, y in zip(self.x, line.values, strict=True)
            if y
        )

    def _path(self, values: Sequence[float], top: float, *, steps: bool) -> str:
        points = [(self._at(x), _y(y, top)) for x, y in zip(self.x, values, strict=True)]
        if steps:
            (first_x, first_y), *rest = points
            return f"M{first_x} {first_y}" + "".join(f"H{x}V{y}" for x, y in rest)
        return "M" + "L".join(f"{x} {y}" for x, y in points)

    def _labels(self, top: float) -> str:
        across = "".join(
            f'<b class="across" style="bottom:{100 * mark.at / top:.2f}%">{escape(mark.name)}</b>'
            for mark in self.marks
            if not mark.upright
        )
        upright = "".join(
            f'<b class="upright" style="left:{100 * mark.at / self.x_end:.2f}%">{escape(mark.name)}</b>'
            for mark in self.marks
            if mark.upright
        )
        shades = "".join(
            f'<b class="shaded" style="left:{100 * shade.start / self.x_end:.2f}%">{escape(shade.name)}</b>'
            for shade in self.shades
        )
        return f'<div class="labels">{across}{upright}{shades}</div>'

    def _legend(self) -> str:
        if len(self.lines) == 1 and self.lines[0].low is None:
            return ""
        names = "".join(f'<li class="c{line.colour}">{escape(line.name)}</li>' for line in self.lines)
        return f"<ul>{names}</ul>"

    def _data(self) -> str:
        """Return the values for the pointer's tooltip, as JSON that can't end the script element."""
        data = {
            "x": self.x,
            "at": [self.x_label(x) for x in self.x],
            "bars": bool(self.bars),
            "lines": [[line.name, list(line.values), list(line.low) if line.low else None] for line in self.lines],
        }
        return msgspec.json.encode(data).decode().replace("<", "\\u003c")

    def _at(self, x: float) -> str:
        return f"{x / self.x_end * WIDTH:.1f}"


def nice_ticks(top: float, least_step: float = 0.0) -> list[float]:
    """Return about `TICKS` round values from 0 to ``top`` (over 0), at least ``least_step`` apart."""
    rough = max(top / TICKS, least_step)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [count * step for count in range(int(top / step) + 1)]


def time_ticks(end_s: float) -> list[float]:
    """Return whole minutes (seconds for a short run) from 0 to ``end_s``."""
    steps: Iterable[int] = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600)
    step = next((step for step in steps if end_s / step <= TICKS + 2), 86_400)
    return [float(count * step) for count in range(int(end_s / step) + 1)]


def number(value: float) -> str:
    """Return a number for an axis, without trailing zeros, and with k for thousands."""
    if abs(value) >= 10_000:  # noqa: PLR2004
        return f"{value / 1000:g}k"
    return f"{round(value, 6):g}"


def clock(seconds: float) -> str:
    """Return a time of the run as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _y(value: float, top: float) -> str:
    return f"{HEIGHT - value / top * HEIGHT:.1f}"
