"""The bills of nine scenarios, line by line, as `bills.json` keeps them.

Run it from the checkout after a change to the model that is meant, and read the difference:

    python -m tests.unit.cost.bills > tests/unit/cost/bills.json
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import msgspec

from windrow.cost.model import Egress, Retention, Scenario, estimate
from windrow.cost.price_list import load
from windrow.cost.requirement import compare

SCENARIOS = {
    "baseline": Scenario(),
    "each raw file moved, for less than 180 days": Scenario(retention=Retention.RAW, hot_days=10, archive_months=3),
    "nothing kept": Scenario(retention=Retention.NONE, hot_days=5, old_version_days=3, level="3"),
    "a slow processor behind a transit gateway": Scenario(
        files_per_day=100_000,
        file_bytes=20_000,
        level="1",
        compression_ratio=3,
        memory_mb=512,
        cpu_factor=1.7,
        batches_per_minute=20,
        archives_per_batch=3,
        messages_per_receive=7,
        egress=Egress.DIRECT_CONNECT,
        direct_connect_ports=2,
        transit_gateway=True,
        zones=3,
        ledger_ttl_days=45,
    ),
    "GETs that take longer than processors": Scenario(
        level="1", memory_mb=3538, fetch_concurrency=2, vpn_connections=2, transit_gateway=True
    ),
    "a hundred times the volume": Scenario(files_per_day=86_400_000, batches_per_minute=200, provisioned_pollers=2),
    "no files at all": Scenario(files_per_day=0),
    "a short window": Scenario(window_s=5, pollers=2),
    "workers on servers": Scenario(servers=True, pollers=1, egress=Egress.DIRECT_CONNECT, direct_connect_ports=1),
}


def bills() -> dict[str, Any]:
    """Return each scenario's lines, sums and comparison, figures to nine digits."""
    return {name: _bill(scenario) for name, scenario in SCENARIOS.items()}


def _bill(scenario: Scenario) -> dict[str, Any]:
    result = estimate(scenario, load())
    times = {name: getattr(scenario, name) for name in ("batch_s", "sweep_s", "sweep_pages", "record_units")}
    return {
        "lines": [[line.group, line.item, _short(line.quantity), line.unit, _short(line.usd)] for line in result.lines],
        "groups": {name: _short(usd) for name, usd in result.groups.items()},
        "total": _short(result.total_usd),
        "times": {name: _short(value) for name, value in times.items()},
        "compared": [
            [_short(each) if isinstance(each, float) else each for each in msgspec.structs.astuple(row)]
            for row in compare(result)
        ],
    }


def _short(value: float) -> float:
    return float(f"{value:.9g}")


if __name__ == "__main__":
    text = json.dumps(bills(), indent=1, ensure_ascii=False)
    sys.stdout.write(re.sub(r"\[\s+([^][]*?)\s+\]", lambda row: f"[{' '.join(row[1].split())}]", text) + "\n")
