"""What the commands print with: all text is shown as it is, whoever wrote it.

Rich interprets square brackets in a string as markup and passes control characters to the terminal. A `Screen` does
neither: every string that it is given, also in a table or a status line, becomes one line of `printable` text. So two
lines need two prints, and colours need ``style`` or `Screen.text`. Output that does not go to a terminal is plain: no
wrapped lines, boxes or trailing spaces, and a line that would change in place is printed now and then instead. No other
module of the command line builds Rich's texts, consoles or panels itself, nor writes to the standard streams
(``tests/unit/cli/test_screen.py``).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.panel import Panel
from rich.progress import Progress, ProgressColumn, TextColumn
from rich.segment import Segment
from rich.status import Status
from rich.table import Table
from rich.text import Text

from windrow.core.printable import printable

UNBOUNDED = 10_000
"""Columns of what is not a terminal: nothing is wrapped for a program that reads lines."""

LINE_EACH_S = 60.0
"""How often a line of progress is printed where it can't be updated in place."""


class Screen(Console):
    """Rich's console for standard output or standard error, which shows all text literally."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and lines; a file or a pipe has enough columns for any line."""
        size = super().size
        return size if self.is_terminal else ConsoleDimensions(UNBOUNDED, size.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        Console.size.fset(self, new_size)  # type: ignore[attr-defined]  # a property of the class

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - rich's own
        """Print as Rich does; to a file or a pipe without the spaces with which it pads lines."""
        if self.is_terminal:
            super().print(*objects, **options)
            return
        with self.capture() as captured:
            super().print(*objects, **options)
        self.file.write("\n".join(line.rstrip(" ") for line in captured.get().split("\n")))
        self.file.flush()

    def line_each_minute(self, *, at_once: bool = False) -> Callable[[str], None]:
        """Return a function that prints a line of progress, at most one a minute; on a terminal it prints nothing.

        ``at_once``: the first line comes right away instead of after a minute, for what always takes minutes.
        """
        shown_s = -math.inf if at_once else time.monotonic()

        def show(line: str) -> None:
            nonlocal shown_s
            if not self.is_terminal and time.monotonic() - shown_s >= LINE_EACH_S:
                shown_s = time.monotonic()
                self.print(line, soft_wrap=True)

        return show

    def print_log(self, message: str, traceback: str, *, prefix: str = "") -> None:
        """Print a log record; ``prefix`` is its `log_prefix` where nothing else adds time and level."""
        self.print(prefix + message, soft_wrap=True)
        for line in traceback.splitlines():
            self.print(f"  {line}", soft_wrap=True)

    def text(self, *parts: str | tuple[str, str], style: str = "") -> Text:
        """Return one text made of strings, each alone or with its style."""
        styled = [(part, "") if isinstance(part, str) else part for part in parts]
        return Text.assemble(*((printable(part, self.encoding), name) for part, name in styled), style=style)

    def sign(self, sign: str, plain: str) -> str:
        """Return a sign, or the plain one where the stream can't encode it."""
        return sign if printable(sign, self.encoding) == sign else plain

    def status(self, status: RenderableType, **_options: Any) -> Status:  # noqa: ANN401 - rich's own
        """Return a line that changes in place; without a terminal, a line a minute."""
        return _Status(status, console=self, spinner="dots" if self.encoding.startswith("utf") else "line")

    def panel(self, content: RenderableType, title: str) -> RenderableType:
        """Return content in a box under a title; without the box if this is not a terminal."""
        if not self.is_terminal:
            plain = Table.grid()
            plain.add_row(title)
            plain.add_row(content)
            return plain
        return Panel(content, title=self.text(title), title_align="left", expand=False, padding=(1, 2))

    def progress(self, *columns: str | ProgressColumn, disable: bool) -> Progress:
        """Return bars that vanish at the end; a string is a column as `TextColumn` takes it."""
        made = [TextColumn(column, markup=False) if isinstance(column, str) else column for column in columns]
        return Progress(*made, console=self, transient=True, disable=disable)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - rich's own
        """Return the text for a string; Rich calls it for every one that is printed or in a table."""
        return super().render_str(printable(text, self.encoding), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield segments to write, with the control characters escaped that texts made by Rich may still contain."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.replace("\n", "").isprintable():
                yield segment
            else:
                lines = segment.text.split("\n")
                yield segment._replace(text="\n".join(printable(line, self.encoding) for line in lines))


class _Status(Status):
    """A status line whose strings are literal text; in Rich's own they are markup."""

    def __init__(self, status: RenderableType, *, console: Screen, **options: Any) -> None:  # noqa: ANN401
        self._screen = console
        self._print_line = console.line_each_minute()
        super().__init__(self._plain(status), console=console, **options)

    def update(self, status: RenderableType | None = None, **options: Any) -> None:  # noqa: ANN401
        """Show another text."""
        super().update(None if status is None else self._plain(status), **options)
        if isinstance(status, str):
            self._print_line(status)

    def _plain(self, status: RenderableType) -> RenderableType:
        return self._screen.text(status) if isinstance(status, str) else status


def log_prefix(when: str, level: str) -> str:
    """Return what a log record begins with on a terminal: its time in UTC (``HH:MM:SS``) and its level."""
    return f"{when} {level:<8} "


class LogLines(logging.Handler):
    """Shows the records of Python's ``logging`` on a screen: a line each, with the time in UTC, a traceback below."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        try:
            when = time.strftime("%H:%M:%S", time.gmtime(record.created))
            prefix = log_prefix(when, record.levelname) if self._screen.is_terminal else ""
            traceback = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
            self._screen.print_log(record.getMessage(), traceback, prefix=prefix)
        except Exception:  # noqa: BLE001 - as logging does: a line that can't be written must not end the work
            self.handleError(record)
