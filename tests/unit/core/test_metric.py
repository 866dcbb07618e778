"""Names of metrics: one list for the code, the alarms and the dashboard."""

from __future__ import annotations

import re
from pathlib import Path

from windrow.core.errors import DestinationFault
from windrow.core.metric import Metric

ROOT = Path(__file__).resolve().parents[3]
WRITTEN = [*(ROOT / "infra/modules/observability").rglob("*.*"), *(ROOT / "docs").glob("*.md")]
KINDS = "|".join(sorted({re.split(r"(?<=[a-z])(?=[A-Z])", name)[0] for name in Metric}))


def test_every_fault_has_its_metric() -> None:
    """Each kind one of its own."""
    assert len(DestinationFault) == len({Metric.of_fault(kind) for kind in DestinationFault})


def test_alarms_dashboard_and_documents_name_metrics_that_there_are() -> None:
    """What begins as a metric's name does is one: a typo in an alarm would never fire."""
    found = {
        name for path in WRITTEN for name in re.findall(rf'["` ]((?:{KINDS})[A-Z][A-Za-z0-9]+)["`]', path.read_text())
    }
    assert {"ChecksumMismatch", "DestinationUp", "FilesRetried", "OldestRetriedMs"} <= found
    assert set() == {name for name in found - set(Metric) if not name.endswith("Error")}


def test_every_metric_is_written_by_the_code() -> None:
    """None is left of what is no longer measured."""
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py") if path.name != "prometheus.py")
    faults = {Metric.of_fault(kind) for kind in DestinationFault}

    assert "Metric.of_fault(kind)" in code
    assert set() == {metric for metric in set(Metric) - faults if f"Metric.{metric.name}" not in code}
