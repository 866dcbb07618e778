"""The runbook: a section for every alarm, links that lead to sections, and outputs that Terraform has."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.runbook import RUNBOOK, commands
from windrow.cli.root import load
from windrow.cli.span import span

ROOT = Path(__file__).resolve().parents[2]
ALARMS = ROOT / "infra/modules/observability/README.md"


def anchors(text: str) -> list[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def alarms() -> set[str]:
    """Return the alarms that the observability module lists."""
    table = ALARMS.read_text().partition("| alarm |")[2].partition("\n\n")[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z0-9-]+)`", row.split("|")[1])}


def test_every_alarm_has_its_section() -> None:
    """An alarm's description links the section of its name."""
    assert len(alarms()) > 20
    assert set() == alarms() - set(anchors(RUNBOOK.read_text()))


def test_links_within_the_runbook_lead_somewhere() -> None:
    """Each section that another refers to exists, once."""
    text = RUNBOOK.read_text()
    found = anchors(text)

    assert len(found) == len(set(found))
    assert set() == set(re.findall(r"\]\(#([^)]+)\)", text)) - set(found)


SERVERS = ROOT / "docs/on-premises.md"


@pytest.mark.parametrize(
    ("example", "pages"),
    [
        ("production", {*(ROOT / "docs").glob("*.md")} - {SERVERS}),
        ("staging", {*(ROOT / "docs").glob("*.md")} - {SERVERS}),
        ("servers", {SERVERS}),
    ],
)
def test_documented_outputs_exist(example: str, pages: set[Path]) -> None:
    """Whatever a page reads with `terraform output`, the root module that its users copy has."""
    read = {name for page in pages for name in re.findall(r"terraform output (?:-\w+ )?(\w+)", page.read_text())}
    outputs = (ROOT / f"infra/examples/{example}/outputs.tf").read_text()

    assert read
    assert set() == read - set(re.findall(r'^output "(\w+)"', outputs, re.MULTILINE))


def test_the_queue_keeps_messages_as_long_as_the_runbook_says() -> None:
    """The retention in days that Terraform sets by default."""
    variable = (ROOT / "infra/variables.tf").read_text().partition('"queue_retention_days"')[2]
    default = re.search(r"default += (\d+)", variable)

    assert default is not None
    assert {default[1]} == set(re.findall(r"queue (?:for )?(\d+) days", RUNBOOK.read_text()))


def test_the_commands_of_the_runbook_are_found() -> None:
    """In blocks and in sentences; else the tests of them would hold nothing."""
    assert {"windrow doctor", "windrow retain --since 60d", "mc rm ALIAS/BUCKET/KEY"} <= set(commands())


@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("windrow ")])
def test_every_command_exists_with_its_options(command: str) -> None:
    """What the runbook says to type is taken by the command line, time ranges included."""
    name, *arguments = shlex.split(command.replace(" TIME", " 2026-11-23"))[1:]
    found: Any = load(name)
    while hasattr(found, "commands"):
        name, *arguments = arguments
        found = found.commands[name]
    given = found.make_context(name, arguments).params

    if given.get("since"):
        now = datetime(2026, 11, 26, tzinfo=UTC)
        start, end = span(given["since"], given["until"], now)
        assert start < end <= now


def test_messages_send_to_sections_that_exist() -> None:
    """Whoever is told to see a section of the runbook finds it."""
    named = {
        anchor
        for file in (ROOT / "src").rglob("*.py")
        for anchor in re.findall(r"docs/operations\.md#([\w-]+)", file.read_text())
    }

    assert {"landing-bucket-lost", "ledger-lost"} <= named
    assert set() == named - set(anchors(RUNBOOK.read_text()))
