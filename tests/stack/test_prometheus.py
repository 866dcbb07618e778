"""A worker under a real Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from tests.tools import locate
from tests.unit.test_monitoring import DASHBOARD, RULES
from windrow.lab.stack.process import HOST, Process, free_port
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.waiting import wait_until

FILES = 30
RUN = (sys.executable, "-m", "windrow", "run", "--window", "1", "--quiet-wait", "1", "--probe-every", "1")


@contextmanager
def scraping(folder: Path, at: str) -> Iterator[str]:
    """Run a Prometheus that scrapes an address each second; give its own."""
    address = f"{HOST}:{free_port()}"
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "windrow", "static_configs": [{"targets": [at]}]}],
    }
    (folder / "prometheus.json").write_text(json.dumps(config))
    prometheus = Process("prometheus", folder)
    options = (f"--config.file={folder}/prometheus.json", f"--storage.tsdb.path={folder}/tsdb")
    prometheus.launch([locate("prometheus"), *options, f"--web.listen-address={address}"], {})
    try:
        wait_until("Prometheus", lambda: read(f"http://{address}/-/ready")[0] == 200, cause=prometheus.log_tail)
        yield address
    finally:
        prometheus.stop()


def read(url: str) -> tuple[int, str]:
    """Return status and text of a page; 0 if nobody answers."""
    try:
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - the test's own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def query(prometheus: str, expression: str) -> list[Any]:
    """Ask Prometheus; return the results."""
    status, text = read(f"http://{prometheus}/api/v1/query?query={quote(expression)}")
    assert 200 == status, text
    found: list[Any] = json.loads(text)["data"]["result"]
    return found


def values(prometheus: str, expression: str) -> list[float]:
    """Return the results' values."""
    return [float(each["value"][1]) for each in query(prometheus, expression)]


@pytest.mark.needs("prometheus", "promtool")
def test_a_worker_is_watched_without_cloudwatch(tmp_path: Path) -> None:
    """Files, probes, queues, engine and process are scraped; nothing is printed for CloudWatch; an outage is seen."""
    at = f"{HOST}:{free_port()}"
    with Stack(tmp_path, Shape(sentinel_s=0), destination="ministack", worker=False) as stack:
        worker = Process("worker", tmp_path)
        worker.launch([*RUN, "--listen", at], {**stack.environment(), "WINDROW_EVENT_SOURCE_MAPPING_ID": ""})
        try:
            wait_until("a ready worker", lambda: read(f"http://{at}/readyz")[0] == 200, cause=worker.log_tail)
            with scraping(tmp_path, at) as prometheus:
                s3 = boto3.client("s3")
                for number in range(FILES):
                    s3.put_object(Bucket=stack.outputs.landing_bucket, Key=f"{number}", Body=b"x" * 1000)
                delivered = "sum(windrow_files_processed_total)"
                wait_until("the files", lambda: values(prometheus, delivered) == [FILES], cause=worker.log_tail)
                idle = "windrow_messages_in_flight"
                wait_until("an idle worker", lambda: values(prometheus, idle) == [0], cause=worker.log_tail)
                of_the_queue = values(prometheus, "windrow_queue_messages")
                there = {
                    name: values(prometheus, name)
                    for name in ("windrow_destination_up", "windrow_delivery_seconds_count", "windrow_receiving", "up")
                }
                memory = values(prometheus, "process_resident_memory_bytes")
                for chart in of_the_dashboard():
                    wait_until(f"data of {chart}", partial(query, prometheus, chart))
                page = read(f"http://{at}/metrics")[1]
                stack.destination.kill()
                wait_until("the circuit to open", lambda: values(prometheus, "windrow_circuit_open") == [1])
                down = values(prometheus, "windrow_destination_up")
                faults = values(prometheus, 'windrow_destination_fault{kind="connect"}')
                ready = read(f"http://{at}/readyz")
                lives = read(f"http://{at}/livez")
                alert = 'ALERTS{alertname="WindrowDestinationDown"}'
                wait_until("the alert to be pending", lambda: query(prometheus, alert))
        finally:
            worker.stop()

    one = {"windrow_destination_up": [1], "windrow_receiving": [1], "up": [1]}
    assert {**one, "windrow_delivery_seconds_count": [FILES]} == there
    assert 3 == len(of_the_queue)
    assert memory[0] > 10_000_000
    assert ([0], [1]) == (down, faults)
    assert (503, (200, "ok\n")) == (ready[0], lives)
    assert ready[1].startswith("destination: ")
    checked = subprocess.run(
        [locate("promtool"), "check", "metrics"], input=page.encode(), capture_output=True, check=False
    )
    assert (0, b"") == (checked.returncode, checked.stdout), checked.stderr
    assert stack.secret_key not in page
    assert "_aws" not in worker.log.read_text()


def of_the_dashboard() -> list[str]:
    """Return the dashboard's expressions as Grafana would ask them."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    filled = [each.replace("$job", "windrow").replace("$__rate_interval", "1m") for each in expressions]
    assert filled
    assert not [each for each in filled if re.search(r"\$\w", each)]
    return filled
