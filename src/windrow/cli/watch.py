"""``windrow status --watch``: a screen that refreshes, with the latest changes below."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from rich.console import RenderableType
from rich.live import Live
from rich.table import Table

from windrow.cli.output import out
from windrow.operations.status import Status

KEPT = 12
"""Changes that are shown."""


class Changes:
    """The last changes of circuit, mapping, dead letters and destination."""

    def __init__(self) -> None:
        self._before: dict[str, str] = {}
        self._lines: deque[str] = deque(maxlen=KEPT)

    @property
    def lines(self) -> list[str]:
        """The last changes, the newest first."""
        return list(self._lines)

    def add(self, found: Status) -> None:
        """Compare a status with the one before."""
        now = _states(found)
        for name, state in now.items():
            before = self._before.get(name, state)
            if state != before:
                self._lines.appendleft(f"{found.at:%Y-%m-%d %H:%M:%S}  {name}: {before}, now {state}")
        self._before |= now


def _states(found: Status) -> dict[str, str]:
    """Return the states whose changes are shown."""
    circuit = found.circuit
    states = {
        "circuit": None if circuit is None else "open" if circuit.opened else "closed",
        "mapping": None if found.mapping_enabled is None else "on" if found.mapping_enabled else "off",
        "dead letters": None if found.dead_letters is None else f"{found.dead_letters:,}",
    }
    down = {"destination": "down" if "last_archive" in found.problems else "up"}
    return down | {name: state or "unknown" for name, state in states.items()}


def watch(poll: Callable[[], Status], render: Callable[[Status], RenderableType], every_s: float) -> None:
    """Show the status every ``every_s`` seconds on the whole screen until Ctrl-C; the last one is printed then."""
    changes, found = Changes(), poll()
    try:
        with Live(console=out, screen=True, auto_refresh=False) as live:
            while True:
                changes.add(found)
                live.update(_page(render(found), changes.lines, every_s), refresh=True)
                time.sleep(every_s)
                found = poll()
    except KeyboardInterrupt:
        out.print(_page(render(found), changes.lines, None))


def _page(status: RenderableType, changes: list[str], every_s: float | None) -> RenderableType:
    page = Table.grid()
    if every_s is not None:
        page.add_row(out.text(("windrow status", "bold"), f", every {every_s:g} s; Ctrl-C ends"))
        page.add_row("")
    page.add_row(status)
    if changes:
        page.add_row("")
        page.add_row(out.text("changes, in UTC", style="bold"))
        for line in changes:
            page.add_row(out.text(f"  {line}"))
    return page
