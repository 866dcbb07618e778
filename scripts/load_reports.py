"""Run load tests and keep their reports: ``python scripts/load_reports.py [PROFILE ...]``.

Each profile's result and report go into docs/reports, named by date and profile, in place of those of an earlier date.
Then the table of the folder's README is written anew from all results there; without a profile, only that, and reports
are drawn anew.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from windrow.lab.load.plan import PROFILES
from windrow.lab.load.result import LoadResult
from windrow.lab.report import render

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reports"
MARK = "| --- | --- | --- | --- | --- | --- | --- | --- |\n"


def main() -> None:
    """Run the named profiles, then update reports and table."""
    for profile in sys.argv[1:]:
        run(profile)
    for path in kept():
        path.with_suffix(".html").write_text(render(read(path)), encoding="utf-8")
    readme = FOLDER / "README.md"
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), kept()), encoding="utf-8")


def run(profile: str) -> None:
    """Run one load test and keep its result, whatever it found: the table says it.

    Raises:
        SystemExit: it ended without a result.
    """
    path = FOLDER / f"{datetime.now(UTC):%Y-%m-%d}-{profile}.json"
    new = path.with_suffix(".new")
    command = [sys.executable, "-m", "windrow", "load", "--profile", profile, "--json", str(new)]
    ended = subprocess.run(command, check=False)
    if not new.exists():
        raise SystemExit(f"windrow load --profile {profile} ended with {ended.returncode} and no result")
    for old in FOLDER.glob(f"*-{profile}.*"):
        if old != new:
            old.unlink()
    new.rename(path)


def kept() -> list[Path]:
    """Return the results of all profiles; reports of other tests are not made here."""
    return [path for profile in PROFILES for path in FOLDER.glob(f"*-{profile}.json")]


def read(path: Path) -> LoadResult:
    """Return a result that was kept."""
    return msgspec.json.decode(path.read_bytes(), type=LoadResult)


def with_table(readme: str, paths: Iterable[Path]) -> str:
    """Return the README with the rows of its table made of these results, in the order of the profiles."""
    before, mark, rest = readme.partition(MARK)
    after = rest[rest.index("\n\n") + 1 :] if "\n\n" in rest else ""
    order = list(PROFILES)
    kept = sorted(((path, read(path)) for path in paths), key=lambda pair: order.index(pair[1].profile))
    return before + mark + "".join(row(path, result) for path, result in kept) + after


def row(path: Path, result: LoadResult) -> str:
    """Return a result's row."""
    proof, resources, latency = result.proof, result.resources, result.latency
    if latency is None:
        seconds, objective = "none", "**missed**"
    else:
        seconds = " / ".join(f"{value:.0f}" for value in (latency.p50, latency.p95, latency.p99_9, latency.max))
        missed = "not judged" if result.plan.outage else "**missed**"
        objective = "met" if latency.objective_met else missed
    rates = " → ".join(f"{phase.rate:g}" for phase in result.plan.phases)
    own = sum(resources.cores.values())
    cells = [
        f"[{result.profile}]({path.stem}.html) ([JSON]({path.name}))",
        f"{rates} files/s, {result.plan.duration_s / 60:g} min",
        f"{proof.files_uploaded:,}",
        f"{proof.files_missing} / {proof.files_duplicated} / {proof.sha256_mismatches}",
        seconds,
        objective,
        f"{own:.2f} + {resources.other_cores:.2f}",
        f"{resources.load:.1f}",
    ]
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    main()
