"""The marker ``needs``: a test names the tools that it uses, and is skipped where one is absent.

What was skipped is told at the end, a line for each tool. With REQUIRE_ALL=1 nothing is: an absent tool is a failure.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from tests.tools import TOOLS, Tool, absence

REQUIRE_ALL = "REQUIRE_ALL"
"""Environment variable; CI sets it to 1, so that it can't skip by accident."""
ABSENT = "absent"
"""The property of a skipped test's report that tells of the tool; xdist's processes send it with the report."""


def all_required() -> bool:
    """Return whether this run leaves nothing out."""
    return os.environ.get(REQUIRE_ALL) == "1"


@dataclass(frozen=True, eq=False)  # pytest keeps plugins in sets
class Needs:
    """The plugin. ``absence`` returns why a tool is absent, or nothing."""

    tools: Mapping[str, Tool]
    absence: Callable[[str], str]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse a marker that names no tool."""
        for item in items:
            for name in self._named(item):
                if name not in self.tools:
                    raise pytest.UsageError(
                        f"{item.nodeid} needs {name!r}, which is none of {', '.join(sorted(self.tools))}"
                    )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip the test if a tool that it names is absent."""
        for name in self._named(item):
            why = self.absence(name)
            if not why:
                continue
            tool = self.tools[name]
            if all_required():
                pytest.fail(f"{name} {why}; to get it: {tool.get}", pytrace=False)
            item.user_properties.append((ABSENT, f"{name} {why}: without {tool.tests}; to get it: {tool.get}"))
            pytest.skip(f"{name} {why}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what was skipped: a line for each absent tool, and for each other reason."""
        lines = self._summary(terminalreporter.stats.get("skipped", []))
        if lines:
            terminalreporter.section("skipped", sep="-")
            for line in lines:
                terminalreporter.line(line)

    def _summary(self, skipped: list[pytest.TestReport | pytest.CollectReport]) -> list[str]:
        """Return the lines, sorted."""
        reasons = Counter(self._reason(report) for report in skipped)
        return [f"{reason} ({count} skipped)" for reason, count in sorted(reasons.items())]

    @staticmethod
    def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
        for name, told in getattr(report, "user_properties", ()):  # a skipped module's report has none
            if name == ABSENT:
                return str(told)
        return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else report.longreprtext

    @staticmethod
    def _named(item: pytest.Item) -> list[str]:
        return [name for marker in item.iter_markers("needs") for name in marker.args]


def plugin() -> Needs:
    """Return the plugin that knows this repository's tools."""
    return Needs(TOOLS, absence)
