"""The report of a run: for machines (JSON), and as a page that can be kept in docs/ (Markdown)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

MARKS = {"ok": "yes", "failed": "**no**", "not run": "not run"}


class Result(StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_RUN = "not run"


class Step(msgspec.Struct, frozen=True):
    """One step: what it is to show, how it ended, what was seen, and how long it took (s)."""

    name: str
    what: str
    result: Result
    detail: str
    seconds: float


class Report(msgspec.Struct, kw_only=True):
    """All of a run.

    ``at`` is AWS, or an emulator. ``undone`` has the command for each thing that could not be destroyed, and why.
    ``left`` names by kind what the run made and is still there, ``by_others`` what appeared meanwhile and is in no
    state of this run.
    """

    name: str
    at: str
    account: str
    region: str
    commit: str
    terraform: str
    begun: datetime
    ended: datetime | None = None
    cost_usd: float | None = None
    steps: list[Step] = []
    interrupted: bool = False
    destroyed: bool = False
    undone: dict[str, str] = {}
    left: dict[str, list[str]] = {}
    by_others: dict[str, list[str]] = {}

    @property
    def ok(self) -> bool:
        """Whether everything was as it should be, and all of it is gone."""
        failed = [step for step in self.steps if step.result is Result.FAILED]
        return self.destroyed and not (failed or self.interrupted or self.undone or self.left)

    def write(self, folder: Path) -> Path:
        """Write both; return the page's path."""
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"aws-verify-{self.begun:%Y-%m-%dT%H%MZ}"
        encoded = msgspec.json.format(msgspec.json.encode(self), indent=2)
        stem.with_suffix(".json").write_bytes(encoded + b"\n")
        page = stem.with_suffix(".md")
        page.write_text(self.page())
        return page

    def page(self) -> str:
        """Return the page."""
        lines = [
            f"# Verified on {self.at}, {self.begun:%-d %B %Y}",
            "",
            self._verdict(),
            "",
            self._circumstances(),
            *([f"Estimated cost: {self.cost_usd:.2f} USD."] if self.cost_usd is not None else []),
            "",
            "| step | what it shows | shown | seconds | seen |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {step.name} | {step.what} | {MARKS[step.result]} | {step.seconds:.0f} | {_cell(step.detail)} |"
                for step in self.steps
            ),
            *_listed(
                "Could not be destroyed; the command for each", [f"`{c}`: {why}" for c, why in self.undone.items()]
            ),
            *_listed("Still there", [f"{kind}: {', '.join(names)}" for kind, names in self.left.items()]),
            *_listed(
                "Appeared meanwhile, and in no state of this run: somebody else's",
                [f"{kind}: {', '.join(names)}" for kind, names in self.by_others.items()],
            ),
        ]
        return "\n".join(lines) + "\n"

    def _circumstances(self) -> str:
        ended = f"{self.ended:%H:%M}" if self.ended else "?"
        return (
            f"Account ...{self.account[-4:]}, {self.region}, from {self.begun:%H:%M} to {ended} UTC, under the name "
            f"`{self.name}`; commit {self.commit or 'unknown'}, {self.terraform or 'Terraform'}."
        )

    def _verdict(self) -> str:
        if self.ok:
            skipped = [step.name for step in self.steps if step.result is Result.NOT_RUN]
            but = f" Not run: {', '.join(skipped)}." if skipped else ""
            return f"Everything that was tried is as it should be, and nothing is left.{but}"
        if self.interrupted:
            return "The run was interrupted; what it had made was destroyed, but for what is listed below."
        return "Not everything is as it should be: see below."


def _cell(text: str) -> str:
    """Return a text of several lines for a cell of a table; what it can't hold is replaced."""
    safe = "".join(character if character.isprintable() else " " for character in text.replace("\n", "; "))
    return safe.replace("|", "\\|").replace("<", "&lt;")


def _listed(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {_cell(line)}" for line in lines)] if lines else []
