from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tests.unit.cost.bills import bills
from windrow.clients.cloudwatch.metrics import OF_EACH_VERSION
from windrow.clients.s3.raw_files import AT_ONCE, CALLS_AT_ONCE
from windrow.core.errors import DestinationFault, PriceError
from windrow.core.metric import Metric
from windrow.cost.model import (
    COMPRESSIONS,
    DAYS,
    DEFAULT_RETENTION,
    GIB,
    SWEEP_ALARM_METRICS,
    SWEEP_COPIES_AT_ONCE,
    SWEEP_DELETIONS_PER_S,
    SWEEP_LONGEST_S,
    SWEEP_LOOKBACK_DAYS,
    SWEEP_METRICS,
    Egress,
    Estimate,
    Retention,
    Scenario,
    estimate,
)
from windrow.cost.price_list import load
from windrow.cost.prices import PriceBook
from windrow.cost.requirement import REQUIREMENT, compare
from windrow.operations.retention import LOOKBACK
from windrow.operations.retention.sweep import COPIES_AT_ONCE
from windrow.settings import Settings

BOOK = load()
ROOT = Path(__file__).parents[3]
OBSERVABILITY = ROOT / "infra/modules/observability"


def bill(**changes: object) -> Estimate:
    """Return the estimate of the default scenario with some values changed."""
    return estimate(msgspec.structs.replace(Scenario(), **changes), BOOK)


def usd(result: Estimate, item: str) -> float:
    """Return the one line whose item starts with the text."""
    (line,) = [line for line in result.lines if line.item.startswith(item)]
    return line.usd


def test_baseline_is_the_requirements_volume() -> None:
    """864,000 files a day are the 26 million a month that the requirement speaks of."""
    assert 26 == round(Scenario().files / 1e6)


def test_bills_are_those_that_were_read() -> None:
    """Every line of nine scenarios: a change of the model shows here, and goes into the file once it is meant."""
    kept = json.loads(Path(__file__).with_name("bills.json").read_text())

    assert kept == json.loads(json.dumps(bills()))


def test_lines_add_up() -> None:
    """Groups and total are the sums of the lines."""
    result = bill()
    assert pytest.approx(sum(line.usd for line in result.lines)) == result.total_usd
    assert pytest.approx(result.total_usd) == sum(result.groups.values())


def test_requests_follow_the_files() -> None:
    """Each file costs one PUT, one GET and one claim; each is its list price times the files."""
    result = bill(files_per_day=1000 / DAYS)
    assert pytest.approx(0.0053) == usd(result, "uploads")
    assert pytest.approx(0.00042) == usd(result, "reads")
    assert pytest.approx(0.0007423) == usd(result, "claims")


def test_transitions_of_raw_files_cost_more_than_all_else() -> None:
    """In `raw` mode the transition requests alone exceed the rest of the bill; in `archives` mode there are none."""
    raw = bill(retention=Retention.RAW)
    transitions = usd(raw, "transitions")
    assert transitions > raw.total_usd - transitions
    assert [] == [line for line in bill().lines if line.item.startswith("transitions")]


def test_files_that_a_rule_expired_are_paid_for_until_their_old_versions_go() -> None:
    """In a versioned bucket such expiry only hides a file; the sweep deletes the version, and a move leaves none."""
    kept = bill(retention=Retention.NONE, hot_days=7, old_version_days=7)
    assert usd(kept, "raw files kept hot") == usd(kept, "and 7 days more")
    for retention in (Retention.RAW, Retention.ARCHIVES):
        assert [] == [line for line in bill(retention=retention).lines if "old versions" in line.item]


def test_the_sweep_costs_little() -> None:
    """Its requests, its run time and what watches it, together, are less than the old versions that it saves."""
    result = bill(retention=Retention.ARCHIVES)
    items = ("sweep, listings", "sweep, verifications", "retention sweep", "metrics of the ret", "alarms of the ret")
    assert sum(usd(result, item) for item in items) < usd(bill(retention=Retention.NONE), "and 7 days more")


def test_the_sweep_lists_what_it_looks_back_over() -> None:
    """14,400 archives a day are 15 pages, of 14 days, each hour."""
    (listings,) = [line for line in bill().lines if line.item.startswith("sweep, listings")]
    assert (15 * 14 * 730, 14) == (listings.quantity, SWEEP_LOOKBACK_DAYS + Scenario().hot_days)
    assert LOOKBACK == timedelta(days=SWEEP_LOOKBACK_DAYS)


def test_the_sweep_takes_longer_than_its_function_may() -> None:
    """It lists, copies four archives at once and deletes; the bill has no more than the function can run for."""
    calm, busy = Scenario(), Scenario(files_per_day=1_000 * 86_400, batches_per_minute=20)
    copied_bytes_per_s = 1_000 * 100_000 / 5.83
    expected_s = 2 * 58 * 14 * 0.1 + 2_400 * 0.1 + 3_600 * copied_bytes_per_s / 100e6 + 3_600 * 1_000 / 3_000
    assert pytest.approx(expected_s, rel=0.001) == busy.sweep_s
    assert calm.sweep_s < SWEEP_LONGEST_S < busy.sweep_s
    assert "retention sweep, 900 s an hour" in [line.item for line in estimate(busy, BOOK).lines]
    assert (SWEEP_COPIES_AT_ONCE, SWEEP_DELETIONS_PER_S) == (COPIES_AT_ONCE, CALLS_AT_ONCE * AT_ONCE)
    timeout = (ROOT / "infra/modules/retention/variables.tf").read_text().partition('variable "timeout_s"')[2]
    assert f"= {SWEEP_LONGEST_S}\n" in timeout.partition("nullable")[0]


def test_deep_archive_adds_40_kb_to_each_object() -> None:
    """Each object in Deep Archive is billed 32 KB at its rate and 8 KB at the Standard rate, by AWS's arithmetic."""
    result = bill(retention=Retention.RAW, files_per_day=1e6 / DAYS, archive_months=12)
    objects = 12e6
    assert pytest.approx(objects * 32 * 1024 / GIB * 0.0018) == usd(result, "32 KB")
    assert pytest.approx(objects * 8 * 1024 / GIB * 0.024) == usd(result, "8 KB")


def test_short_archives_are_billed_for_180_days() -> None:
    """Keeping less than Deep Archive's 180 days costs as much as 180."""
    day = bill(archive_months=1 / DAYS)
    assert day.total_usd == bill(archive_months=180 / DAYS).total_usd
    assert day.total_usd < bill(archive_months=7).total_usd


def test_stronger_compression_moves_cost_from_transfer_to_lambda() -> None:
    """Level 6 sends and keeps less than level 1 and computes more; at list prices it is the cheaper."""
    strong, fast = bill(level="6"), bill(level="1")
    assert strong.groups["Transfer"] < fast.groups["Transfer"]
    assert strong.groups["Retention"] < fast.groups["Retention"]
    assert strong.groups["Lambda"] > fast.groups["Lambda"]
    assert strong.total_usd < fast.total_usd


def test_estimate_is_for_the_level_that_windrow_uses() -> None:
    """The default level is the aggregator's, and it was measured."""
    assert str(Settings().compression_level) == Scenario().level in COMPRESSIONS


def test_given_ratio_replaces_the_measured_one() -> None:
    """Data that does not compress is delivered whole."""
    scenario = Scenario(compression_ratio=1)
    assert scenario.raw_gb == scenario.archive_gb


def test_memory_buys_time_up_to_one_processor() -> None:
    """More memory shortens a batch until it has a whole processor; beyond that it only costs."""
    runs = {mb: bill(memory_mb=mb) for mb in (512, 1769, 3538)}
    assert runs[512].batch_s > runs[1769].batch_s
    assert runs[1769].batch_s == runs[3538].batch_s
    assert pytest.approx(2 * usd(runs[1769], "aggregator, 1,769")) == usd(runs[3538], "aggregator, 3,538")


def test_large_archives_have_large_records() -> None:
    """A record lists its members, so that one of many files takes more than one write unit, and few take one."""
    assert 1 == Scenario().record_units
    assert Scenario(files_per_day=86_400_000).record_units > 10


def test_direct_connect_replaces_vpn_and_internet() -> None:
    """Over Direct Connect there is no VPN, the transfer is cheaper, and ports cost by the hour."""
    result = bill(egress=Egress.DIRECT_CONNECT, direct_connect_ports=2)
    assert [] == [line for line in result.lines if "VPN" in line.item]
    assert result.groups["Transfer"] < bill().groups["Transfer"]
    assert pytest.approx(2 * 730 * 0.30) == usd(result, "Direct Connect ports")


def test_transit_gateway_replaces_the_connection() -> None:
    """The attachment and what goes through it are paid here, the VPN or port behind it by whoever owns the gateway."""
    for egress in Egress:
        result = bill(egress=egress, transit_gateway=True)
        assert [] == [line for line in result.lines if "VPN" in line.item]
        assert usd(result, "attachment") > 0
        assert usd(result, "archives through") > 0
        assert result.groups["Transfer"] == bill(egress=egress).groups["Transfer"]


def test_connections_behind_a_transit_gateway_can_be_paid_here() -> None:
    """Each costs by the hour, and so does its attachment, beside that of the VPC."""
    existing, two = bill(transit_gateway=True), bill(transit_gateway=True, vpn_connections=2)
    assert pytest.approx(2 * usd(bill(), "site-to-site VPN")) == usd(two, "site-to-site VPN")
    assert pytest.approx(3 * usd(existing, "attachment")) == usd(two, "attachment")


def test_each_zone_has_its_endpoints() -> None:
    """Interface endpoints cost by the hour and zone."""
    assert pytest.approx(1.5 * usd(bill(zones=2), "3 interface")) == usd(bill(zones=3), "3 interface")


@pytest.mark.parametrize(
    ("files_per_s", "window_s", "pollers", "batches", "archives"),
    [
        (10, 60, 5, 7_200, 14_400),
        (10, 60, 1, 1_440, 2_880),
        (10, 5, 1, 17_280, 18_720),
        (10, 5, 5, 86_400, 93_600),
        (100, 60, 1, 2_880, 4_320),
        (100, 5, 1, 17_280, 18_720),
    ],
)
def test_short_windows_make_many_archives(
    files_per_s: float, window_s: float, pollers: float, batches: int, archives: int
) -> None:
    """Each poller fills a batch in a window, or sooner; one of 5 s in 12 ends in another minute than it began in."""
    scenario = Scenario(files_per_day=files_per_s * 86_400, window_s=window_s, pollers=pollers)
    assert pytest.approx((batches, archives)) == (scenario.batches / DAYS, scenario.archives / DAYS)


def test_numbers_that_are_known_replace_those_of_the_window() -> None:
    """The simulation gives them; the processes follow from the batches."""
    scenario = Scenario(window_s=30, batches_per_minute=20, archives_per_batch=3)
    assert pytest.approx((20 * 1_440, 60 * 1_440, 10)) == (
        scenario.batches / DAYS,
        scenario.archives / DAYS,
        scenario.environments,
    )


def test_servers_fetch_the_raw_files() -> None:
    """No function, VPN or endpoint is paid for, and the raw files leave AWS instead of the archives."""
    whole, result = bill(), bill(servers=True)
    assert set(whole.groups) - {"Lambda", "Network"} == set(result.groups)
    assert pytest.approx(whole.scenario.compression.ratio * usd(whole, "archives to")) == usd(result, "raw files to")
    (over_direct_connect,) = [
        line for line in bill(servers=True, egress=Egress.DIRECT_CONNECT).lines if line.group == "Transfer"
    ]
    assert (whole.scenario.raw_gb, "raw files to the servers, Direct Connect") == (
        over_direct_connect.quantity,
        over_direct_connect.item,
    )
    assert [] == [line for line in result.lines if "inventories" in line.item or "VPN" in line.item]


def test_alarms_of_servers_are_those_that_terraform_makes() -> None:
    """One metric each."""
    text = (ROOT / "infra/modules/servers/alarms.tf").read_text()
    (metrics,) = [line.quantity for line in bill(servers=True).lines if line.item == "metrics in alarms"]
    assert len(re.findall(r"says\s*=\s*\"", text)) == metrics


def test_few_files_make_few_batches() -> None:
    """There are never more batches or archives than files."""
    scenario = Scenario(files_per_day=10)
    assert scenario.files == scenario.batches == scenario.archives


def test_unmeasured_level_is_named() -> None:
    """A level without measured figures is an error that lists those with."""
    with pytest.raises(PriceError, match="level 9 was not measured; there are 6, 5, 3, 1"):
        bill(level="9")


def test_missing_price_is_named() -> None:
    """A book without a price that the bill needs is an error that names it."""
    book = PriceBook(region="x", date="2026-01-01", note="", prices={})
    with pytest.raises(PriceError, match="'s3-put'"):
        estimate(Scenario(), book)


def test_requirement_is_reproduced_line_by_line() -> None:
    """Our reading of each stated line yields its sum to within 5 %, and all of them the 245 that it states."""
    assert ["S3", "SQS", "Lambda", "DynamoDB", "Transfer"] == [line.group for line in REQUIREMENT]
    assert [145, 10, 25, 5, 60] == [line.stated_usd for line in REQUIREMENT]
    for line in REQUIREMENT:
        assert pytest.approx(line.stated_usd, rel=0.05) == line.redone_usd
    assert pytest.approx(245, rel=0.01) == sum(line.redone_usd for line in REQUIREMENT)


@pytest.mark.parametrize("retention", list(Retention))
def test_comparison_covers_the_whole_bill(retention: Retention) -> None:
    """Stated lines and the groups left out add up to our total, each with its reason."""
    result = bill(retention=retention)
    rows = compare(result)
    assert pytest.approx(result.total_usd) == sum(row.ours_usd for row in rows)
    assert all(row.why for row in rows)


def test_alarms_are_those_that_terraform_makes() -> None:
    """Each metric is paid for: in those that say something, one for each fault, four windows for each objective."""
    text = "".join(path.read_text() for path in OBSERVABILITY.glob("*.tf"))
    named = re.findall(r"[\w-]+\s*=\s*\{\s*(?:function\s*=\s*[\w.]+,\s*)?says\s*=\s*\"", text)
    summed = [re.findall(r'"\w+"', names) for names in re.findall(r"summed\s*=\s*\[(.*?)\]", text, re.DOTALL)]
    (of_a_window,) = re.findall(r"for_each = \{ (files = .*) \}$", text, re.MULTILINE)
    objectives, burns = text.count("allowed_percent = "), text.count("{ rate = ")
    metrics = len(named) + sum(len(names) - 1 for names in summed) + len(DestinationFault)
    metrics += objectives * burns * 2 * of_a_window.count(" = ")
    assert metrics == Scenario().alarm_metrics + SWEEP_ALARM_METRICS
    assert burns == Scenario().composite_alarms


def test_metrics_are_those_that_there_are() -> None:
    """Each name is paid for, and those of the version in service."""
    assert len(Metric) + len(OF_EACH_VERSION) == Scenario().metrics + SWEEP_METRICS


def test_default_of_terraform_is_known() -> None:
    """The command says which total the modules' default leads to."""
    (mode,) = re.findall(r'mode\s*=\s*optional\(string, "(\w+)"\)', (ROOT / "infra/variables.tf").read_text())
    assert mode == DEFAULT_RETENTION


def test_deep_archive_grows_by_what_a_month_more_of_it_costs() -> None:
    """Nothing expires by itself; and nothing grows where nothing is kept."""
    for retention in (Retention.RAW, Retention.ARCHIVES):
        year, month_more = bill(retention=retention), bill(retention=retention, archive_months=13)
        assert pytest.approx(month_more.total_usd - year.total_usd) == year.growth_usd
    assert 0 == bill(retention=Retention.NONE).growth_usd


def test_receives_return_all_they_can_at_high_rates() -> None:
    """3 messages at the baseline, 10 from 34 files a second on, never less than one."""
    returned = {rate: Scenario(files_per_day=rate * 86_400).received for rate in (0.01, 10, 34, 10_000)}

    assert {0.01: 1, 10: 3, 34: 10, 10_000: 10} == returned
    assert 7 == Scenario(messages_per_receive=7).received


def test_two_rotations_of_each_key_are_billed() -> None:
    """Each adds the price of a key; the third and later ones nothing."""
    keys = [usd(bill(key_rotations=times), "KMS keys") for times in (0, 1, 2, 9)]

    assert [2, 4, 6, 6] == keys


def test_each_vpn_of_the_modules_has_an_alarm() -> None:
    """One metric each; those behind a transit gateway are watched by who made them."""
    scenarios: dict[str, dict[str, object]] = {
        "one": {},
        "two": {"vpn_connections": 2},
        "others'": {"vpn_connections": 2, "transit_gateway": True},
        "none": {"egress": Egress.DIRECT_CONNECT},
    }
    metrics = {
        name: next(line.quantity for line in bill(**changes).lines if line.item == "metrics in alarms")
        for name, changes in scenarios.items()
    }

    assert {"one": 50, "two": 51, "others'": 49, "none": 49} == metrics
