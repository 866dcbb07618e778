"""The parts of a page, such as verdict, tiles, charts and facts, and the document around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files

from windrow.core.printable import printable
from windrow.pages.chart import Chart

EXAMPLES = 100
"""Most lines of a list that a page shows."""


def document(title: str, kind: str, sections: Iterable[str]) -> str:
    """Return the whole page; ``kind`` is the second part of its title."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)} - {escape(kind)}</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(sections)}</main>\n<script>\n{_asset('page.js')}</script>\n</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return files("windrow.pages").joinpath(name).read_text(encoding="utf-8")


def header(title: str, about: str, verdict: str, *, good: bool) -> str:
    """Return the top: a title, a line about it, and the verdict."""
    return (
        f'<header><h1>{escape(title)}</h1><p class="soft">{escape(about)}</p>'
        f'<p class="verdict{"" if good else " bad"}">{escape(verdict)}</p></header>\n'
    )


def tiles(drawn: Iterable[str]) -> str:
    """Return tiles side by side."""
    return f'<dl class="tiles">{"".join(drawn)}</dl>\n'


def tile(name: str, value: str, note: str = "", *, good: bool | None = None) -> str:
    """Return one figure with its name, and with a note below; green or red if it is good or bad."""
    kind = "" if good is None else ' class="good"' if good else ' class="bad"'
    small = f"<small>{escape(note)}</small>" if note else ""
    return f"<div{kind}><dt>{escape(name)}</dt><dd>{escape(value)}{small}</dd></div>"


def charts(title: str, drawn: Sequence[Chart]) -> str:
    """Return charts in two columns; if their number is odd, the first is as wide as both."""
    figures = "".join(
        chart.html().replace("<figure>", '<figure class="wide">', 1) if len(drawn) % 2 and index == 0 else chart.html()
        for index, chart in enumerate(drawn)
    )
    return f'<h2>{escape(title)}</h2>\n<div class="charts">{figures}</div>\n'


def facts(title: str, values: Mapping[str, str], more: str = "") -> str:
    """Return a list of names and values; ``more`` is HTML of further entries."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in values.items())
    return f'<h2>{escape(title)}</h2>\n<dl class="facts">{rows}{more}</dl>\n'


def table(summary: str, head: Iterable[str], rows: Iterable[Iterable[str]], *, opened: bool = False) -> str:
    """Return a table that is opened by a click, or from the start if ``opened``; its texts may be untrusted."""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    cells = "".join(f"<tr>{''.join(f'<td>{escape(printable(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f"<details{' open' if opened else ''}><summary>{escape(summary)}</summary><div class='scroll'><table><thead>"
        f"<tr>{names}</tr></thead><tbody>{cells}</tbody></table></div></details>\n"
    )


def problems(title: str, lines: Sequence[str]) -> str:
    """Return a list of problems, nothing if it is empty; its texts may be untrusted."""
    if not lines:
        return ""
    items = "".join(f"<li>{escape(printable(line))}</li>" for line in lines[:EXAMPLES])
    return f"<h2>{escape(title)}</h2>\n<ul>{items}</ul>\n"
