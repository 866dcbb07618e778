"""Alert rules and dashboard for Prometheus: complete, and of metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.tools import locate
from tests.unit.test_runbook import alarms, anchors
from windrow.clients.prometheus import COUNTS, LATENCIES
from windrow.core.errors import DestinationFault
from windrow.worker.exporter import COUNTED, PRESENT

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "docs/operations.md"
FOLDER = ROOT / "monitoring"
RULES = FOLDER / "prometheus/windrow.rules.yml"
PLAYED = FOLDER / "prometheus/windrow.tests.yml"
DASHBOARD = FOLDER / "grafana/windrow.json"

NO_ALERT = {
    **dict.fromkeys(("aggregator-throttles", "sentinel-errors", "sentinel-throttles"), "there is no function"),
    **dict.fromkeys(("rotation-failed", "rotation-overdue"), "rotation is a function's"),
    **dict.fromkeys(
        (
            *("audit-errors", "audit-overdue", "files-duplicated", "files-missing"),
            *("share-within-2-minutes", "share-within-3-minutes"),
        ),
        "the daily audit is a function's: `windrow audit` is a command that ends with an exit code",
    ),
    **dict.fromkeys(("vpn-tunnel-down", "vpn-tunnel-down-second"), "the metric is AWS's"),
    **dict.fromkeys(
        ("archive-copy-failed", "raw-files-not-expired", "retention-errors", "retention-overdue"),
        "`windrow retain` is a command that ends: what starts it tells of its exit code",
    ),
}
"""Alarms of functions that have no counterpart among workers, and why."""

EXPORTED = {
    *(f"{named.name}_total" for named in COUNTS.values()),
    *(f"{named.name}_bucket" for named, _ in LATENCIES.values()),
    *(f"windrow_{name}_total" for name in COUNTED),
    *(f"windrow_{name}" for name in PRESENT),
    "windrow_credentials_age_seconds",
    *("windrow_destination_up", "windrow_destination_fault", "windrow_receiving", "windrow_queue_messages"),
    *("windrow_dead_letters", "windrow_circuit_open", "windrow_unreadable"),
}


def runbooks() -> set[str]:
    """Return the sections that alerts lead to."""
    found = re.findall(r"runbook: docs/operations\.md#(.+)", RULES.read_text())
    kinds = {f"destination-{kind.value}" for kind in DestinationFault}
    return {section for each in found for section in (kinds if "{{" in each else {each})}


def test_every_alarm_has_its_alert() -> None:
    """Or there is a reason why not."""
    assert alarms() == (runbooks() & alarms()) | NO_ALERT.keys()
    assert set() == runbooks() & NO_ALERT.keys()


def test_every_alert_has_its_section() -> None:
    """In the runbook."""
    assert set() == runbooks() - set(anchors(RUNBOOK.read_text()))


def test_every_alert_is_played() -> None:
    """By a test of promtool's in which it fires."""
    fired = re.findall(r"alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:", PLAYED.read_text())

    assert set(re.findall(r"alert: (\w+)", RULES.read_text())) == set(fired)


@pytest.mark.parametrize("path", [RULES, PLAYED, DASHBOARD], ids=lambda path: path.name)
def test_metrics_are_those_that_are_exported(path: Path) -> None:
    """A misspelt one would be silent for ever."""
    used = set(re.findall(r"\bwindrow_\w+", path.read_text()))

    assert used
    assert set() == used - EXPORTED


def test_dashboard_shows_every_kind_of_metric() -> None:
    """Panels have unique ids, and lie side by side."""
    panels = json.loads(DASHBOARD.read_text())["panels"]

    assert len(panels) == len({panel["id"] for panel in panels})
    assert len(panels) == len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels})
    assert {f"{named.name}_bucket" for named, _ in LATENCIES.values()} <= set(
        re.findall(r"\bwindrow_\w+", DASHBOARD.read_text())
    )


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("command", [["check", "rules", RULES.name], ["test", "rules", PLAYED.name]], ids=" ".join)
def test_promtool_is_content(command: list[str]) -> None:
    """The rules are well formed, and each alert fires when it is to."""
    done = subprocess.run([locate("promtool"), *command], cwd=RULES.parent, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
