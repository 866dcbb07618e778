from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.cost.test_prices import offer
from windrow.cli.root import run
from windrow.cost import price_list
from windrow.cost.model import Egress, Retention, Scenario, estimate
from windrow.cost.requirement import compare

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/cost.md").read_text()


def test_json_holds_the_bill(capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one object with lines, the requirement's comparison and the alternatives."""
    assert 0 == run(["cost", "--json", "--retention", "raw"])
    report = json.loads(capsys.readouterr().out)
    expected = estimate(Scenario(retention=Retention.RAW), price_list.load())
    assert pytest.approx(expected.total_usd) == report["total_usd"]
    assert len(expected.lines) == len(report["lines"])
    assert pytest.approx(expected.total_usd) == report["alternatives"]["retention raw"]["total_usd"]
    assert 145 == report["requirement"][0]["stated_usd"]


def test_a_screenful_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    """The total, what it consists of with the largest group first, and what moves it; no items, on 30 lines."""
    assert 0 == run(["cost"])
    printed = capsys.readouterr().out
    expected = estimate(Scenario(), price_list.load())
    groups = sorted(expected.groups, key=lambda group: -expected.groups[group])

    assert re.search(rf"^total +{expected.total_usd:,.2f}$", printed, re.MULTILINE)
    assert groups == re.findall(rf"^({'|'.join(groups)}) ", printed, re.MULTILINE)
    assert [] == [line.item for line in expected.lines if line.item in printed]
    assert "stated" not in printed
    assert len(printed.splitlines()) <= 30


@pytest.mark.parametrize("kind", ["archives", "none", "raw"])
def test_what_grows_without_end_is_said(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """What each further month adds, where something stays in Deep Archive."""
    growth = estimate(Scenario(retention=Retention(kind)), price_list.load()).growth_usd
    assert 0 == run(["cost", "--retention", kind])
    said = f"each further month of files adds {growth:,.2f} USD" in " ".join(capsys.readouterr().out.split())
    assert said == (kind != "none")


def test_items_and_the_requirements_estimate_are_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Each item with --items, each stated line with --compare."""
    expected = estimate(Scenario(), price_list.load())
    assert 0 == run(["cost", "--items"])
    items = capsys.readouterr().out
    assert 0 == run(["cost", "--compare"])
    compared = capsys.readouterr().out

    assert [] == [line.item for line in expected.lines if line.item not in items]
    assert [] == [row.why for row in compare(expected) if row.why not in compared]


def test_what_moves_the_bill_comes_by_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    """Retention first, with what Terraform would lead to; what is less than 2 % of the total is only counted."""
    assert 0 == run(["cost"])
    printed = capsys.readouterr().out
    assert 0 == run(["cost", "--json"])
    report = json.loads(capsys.readouterr().out)
    totals = {kind.value: estimate(Scenario(retention=kind), price_list.load()).total_usd for kind in Retention}
    differences = re.findall(r" ([+-][0-9,]+\.[0-9]{2})(?: |$)", printed, re.MULTILINE)
    moving = [abs(float(by.replace(",", ""))) for by in differences]

    assert pytest.approx(totals) == report["totals_by_retention"]
    assert "raw" == report["terraform_retention"]
    assert re.search(rf"^retention raw +{totals['raw']:,.2f} .*Terraform's default$", printed, re.MULTILINE)
    assert sorted(moving, reverse=True) == moving
    assert min(moving) >= 0.02 * report["total_usd"]


def test_production_can_be_priced(capsys: pytest.CaptureFixture[str]) -> None:
    """Three zones and a transit gateway."""
    assert 0 == run(["cost", "--json", "--transit-gateway", "--egress", "direct-connect", "--zones", "3"])
    items = [line["item"] for line in json.loads(capsys.readouterr().out)["lines"]]
    assert {"attachment to the transit gateway", "3 interface endpoints in 3 zones"} <= set(items)


def test_provisioned_pollers_can_be_priced(capsys: pytest.CaptureFixture[str]) -> None:
    """By the hour, when they are asked for; the pages say how much."""
    assert 0 == run(["cost", "--json", "--provisioned-pollers", "2"])
    (usd,) = [line["usd"] for line in json.loads(capsys.readouterr().out)["lines"] if "poller" in line["unit"]]
    assert [] == [line for line in estimate(Scenario(), price_list.load()).lines if "poller" in line.unit]
    assert f"{usd / 2:.2f} a month at the price of us-east-1. Two," in " ".join(PAGE.split())
    assert f"add {usd:.2f}." in PAGE
    assert f"{usd / 2:.2f} USD a month each" in (ROOT / "docs/scaling.md").read_text()


def test_short_windows_and_servers_can_be_priced(capsys: pytest.CaptureFixture[str]) -> None:
    """A window of 5 s, with one batch gathered at once, on servers."""
    assert 0 == run(["cost", "--json", "--window", "5", "--pollers", "1", "--servers"])
    report = json.loads(capsys.readouterr().out)
    expected = estimate(Scenario(window_s=5, pollers=1, servers=True), price_list.load())
    assert pytest.approx(expected.total_usd) == report["total_usd"]
    assert "Lambda" not in report["groups"]
    assert [] == report["requirement"]
    assert [] == [name for name in report["alternatives"] if re.search("gateway|memory|zone", name)]


def test_wrong_use_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    """An unmeasured level, what needs a function on servers, and --output without --refresh, are wrong use."""
    assert 2 == run(["cost", "--level", "9"])
    assert 2 == run(["cost", "--servers", "--transit-gateway"])
    assert 2 == run(["cost", "--servers", "--provisioned-pollers", "2"])
    assert 2 == run(["cost", "--servers", "--compare"])
    assert 3 == capsys.readouterr().err.count("--servers has no function")
    assert 2 == run(["cost", "--output", "x.json"])
    assert "--refresh" in capsys.readouterr().err


def test_refresh_writes_what_it_could_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--refresh writes a usable file with the prices it found, tells the others, and exits 1 since some are missing."""
    s3 = offer(("SKU1", "EUW2-Requests-Tier1", "PutObject", [("0", "0.01")]))

    def fetch(url: str) -> bytes:
        if "/AmazonS3/" not in url:
            raise OSError("no route")
        return json.dumps(s3).encode()

    real = price_list.offer_files
    monkeypatch.setattr(price_list, "offer_files", lambda offers, region: real(offers, region, fetch))
    path = tmp_path / "prices.json"
    assert 1 == run(["cost", "--refresh", "--output", str(path), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (False, 1, str(path)) == (report["ok"], report["refreshed"], report["written"])
    assert 0.01 == price_list.load(path).prices["s3-put"].charge(1)
    assert 0 == run(["cost", "--json", "--prices", str(path)])


def test_the_page_about_cost_is_up_to_date() -> None:
    """The comparison in docs/cost.md is the one that the command makes."""
    rows = compare(estimate(Scenario(), price_list.load()))
    expected = [
        (row.group, "" if row.stated_usd is None else f"{row.stated_usd:.0f}", f"{row.ours_usd:.0f}") for row in rows
    ]
    assert expected == re.findall(r"^\| ([A-Z]\w+) \| (\d*) \| (\d+) \|", PAGE, re.MULTILINE)


def test_the_totals_on_the_page_about_cost_are_up_to_date() -> None:
    """Those of each retention, over Direct Connect, and of the production example."""
    totals = {kind: estimate(Scenario(retention=kind), price_list.load()).total_usd for kind in Retention}
    direct = Scenario(egress=Egress.DIRECT_CONNECT)
    production = {
        kind: estimate(replace(direct, retention=kind, transit_gateway=True, zones=3), price_list.load()).total_usd
        for kind in Retention
    }
    over_direct_usd = estimate(direct, price_list.load()).total_usd
    rows = re.findall(r"^\| `?(raw|archives|none)`? \| ([\d,]+) \|", PAGE, re.MULTILINE)
    text = " ".join(PAGE.split())

    assert {kind.value: f"{usd:,.0f}" for kind, usd in totals.items()} == dict(rows)
    assert f"are {totals[Retention.ARCHIVES]:.0f} with what it left out, or {over_direct_usd:.0f} over" in text
    assert f"comes to {production[Retention.RAW]:,.0f}, since" in text
    assert f"with `archives` it would be {production[Retention.ARCHIVES]:.0f}." in text


def test_metrics_and_alarms_on_the_page_about_cost_are_up_to_date() -> None:
    """Their numbers and prices are those that the command prints."""
    lines = {line.item: line for line in estimate(Scenario(), price_list.load()).lines}
    metrics, alarms, composite = (lines[item] for item in ("custom metrics", "metrics in alarms", "composite alarms"))
    expected = (
        f"{metrics.quantity:.0f} custom metrics ({metrics.usd:.2f}), {alarms.quantity:.0f} metrics in alarms "
        f"({alarms.usd:.2f}: an alarm is billed by the metrics in it) and {composite.quantity:.0f} composite alarms "
        f"({composite.usd:.2f})"
    )
    assert expected in " ".join(PAGE.split())
