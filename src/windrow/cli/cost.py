"""``windrow cost``: the monthly bill from volume figures, item by item, with the alternatives beside it."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from windrow.cli.output import PROBLEM, err, out, print_json
from windrow.core.errors import WrongUse
from windrow.core.words import counted
from windrow.cost.model import (
    COMPRESSIONS,
    DEFAULT_RETENTION,
    FIRST_POLLERS,
    Egress,
    Estimate,
    Retention,
    Scenario,
    estimate,
)
from windrow.cost.prices import PriceBook, Refreshed, refreshed
from windrow.cost.requirement import compare

MEMORIES_MB = (512, 1024, 1769, 3008)
MOVES_USD, MOVES_SHARE = 0.01, 0.02
"""An alternative that changes the total by less than both together is not shown."""
WHOLE_FROM = 1000
"""Quantities from here on are printed without decimals."""


class Level(StrEnum):
    """A compression level that was measured."""

    SMALL = "6"
    DEFAULT = "5"
    MIDDLE = "3"
    FAST = "1"


def cost(
    files_per_day: Annotated[float, typer.Option(min=1, max=1e12, help="Files that arrive in a day.")] = 864_000,
    file_bytes: Annotated[float, typer.Option(min=0, max=5e12, help="Bytes of an average file.")] = 100_000,
    level: Annotated[
        Level, typer.Option(help="Compression level, as WINDROW_COMPRESSION_LEVEL; 1 is the fast one.")
    ] = Level.DEFAULT,
    ratio: Annotated[
        float | None,
        typer.Option(min=1, max=10_000, help="Raw over compressed bytes. [default: as JSON lines]"),
    ] = None,
    memory: Annotated[int, typer.Option(min=128, max=10_240, help="Memory of the aggregator, in MB.")] = 1024,
    window: Annotated[
        float, typer.Option(min=1, max=300, help="The batching window, in seconds; a batch is gathered for as long.")
    ] = 60,
    pollers: Annotated[
        float,
        typer.Option(min=1, max=1000, help="Batches gathered at once: a mapping starts with 5, a worker gathers 1."),
    ] = FIRST_POLLERS,
    provisioned_pollers: Annotated[
        int, typer.Option(min=0, max=200, help="Pollers that Lambda keeps ready for the mapping; 0: not provisioned.")
    ] = 0,
    cpu_factor: Annotated[
        float, typer.Option(min=0.1, max=1000, help="CPU time on Lambda relative to the measured one.")
    ] = 1.0,
    retention: Annotated[Retention, typer.Option(help="What Deep Archive keeps.")] = Retention.ARCHIVES,
    hot_days: Annotated[float, typer.Option(min=1, max=3650, help="Days that raw files stay hot.")] = 7,
    old_version_days: Annotated[
        float, typer.Option(min=0, max=3650, help="Days that expired files stay as versions.")
    ] = 7,
    archive_months: Annotated[float, typer.Option(min=0, max=1200, help="Months of data in Deep Archive.")] = 12,
    egress: Annotated[Egress, typer.Option(help="The connection to the destination.")] = Egress.VPN,
    direct_connect_ports: Annotated[
        float, typer.Option(min=0, max=1000, help="Ports (1 Gbps) to bill; 0: they exist already.")
    ] = 0,
    servers: Annotated[
        bool,
        typer.Option(
            "--servers", help="Without Lambda: `windrow run` beside the destination; usually with --pollers 1."
        ),
    ] = False,
    transit_gateway: Annotated[
        bool, typer.Option("--transit-gateway", help="Through an existing transit gateway, which owns the VPN or port.")
    ] = False,
    zones: Annotated[int, typer.Option(min=1, max=6, help="Zones with interface endpoints.")] = 2,
    items: Annotated[bool, typer.Option("--items", help="Show each item with its quantity.")] = False,
    beside: Annotated[
        bool, typer.Option("--compare", help="Show the requirement's own estimate beside this one, line by line.")
    ] = False,
    prices: Annotated[Path | None, typer.Option(help="Price file. [default: the one that ships]")] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Download AWS's price files and write a new one (see --output).")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Where --refresh writes. [default: prices-REGION-DATE.json]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Estimate the monthly bill: the total, what it consists of, and what moves it.

    --items shows what each group is made of, --compare the requirement's own estimate beside this one. --json has all
    of it, and every alternative.
    """
    from windrow.cost import price_list

    if output and not refresh:
        raise WrongUse("--output goes with --refresh")
    if servers and (transit_gateway or provisioned_pollers or beside):
        raise WrongUse(
            "--servers has no function: it goes with none of --transit-gateway, --provisioned-pollers and --compare"
        )
    book = price_list.load(prices)
    if refresh:
        _refresh(book, output, as_json=as_json)
        return
    scenario = Scenario(
        files_per_day=files_per_day,
        file_bytes=file_bytes,
        level=level.value,
        compression_ratio=ratio,
        memory_mb=memory,
        window_s=window,
        pollers=pollers,
        provisioned_pollers=provisioned_pollers,
        cpu_factor=cpu_factor,
        retention=retention,
        hot_days=hot_days,
        old_version_days=old_version_days,
        archive_months=archive_months,
        egress=egress,
        direct_connect_ports=direct_connect_ports,
        servers=servers,
        transit_gateway=transit_gateway,
        zones=zones,
    )
    result = estimate(scenario, book)
    others = alternatives(scenario, book)
    if as_json:
        print_json(report(result, others, book))
    else:
        _print(result, others, book, items=items, beside=beside)


def alternatives(scenario: Scenario, book: PriceBook) -> dict[str, Estimate]:
    """Return estimates that differ from the scenario in one respect each, by name."""
    changes: dict[str, dict[str, Any]] = {
        **{f"retention {kind.value}": {"retention": kind} for kind in Retention},
        **{f"level {name}": {"level": name} for name in COMPRESSIONS},
        "egress vpn": {"egress": Egress.VPN},
        "egress direct-connect, port there already": {"egress": Egress.DIRECT_CONNECT, "direct_connect_ports": 0},
        "egress direct-connect, two ports": {"egress": Egress.DIRECT_CONNECT, "direct_connect_ports": 2},
    }
    if not scenario.servers:
        changes |= {
            **{f"memory {memory_mb:,} MB": {"memory_mb": memory_mb} for memory_mb in MEMORIES_MB},
            "transit gateway to a VPN": {"egress": Egress.VPN, "transit_gateway": True},
            "transit gateway to direct-connect": {"egress": Egress.DIRECT_CONNECT, "transit_gateway": True},
            **{counted(zones, "zone"): {"zones": zones} for zones in (2, 3)},
        }
    return {name: estimate(msgspec.structs.replace(scenario, **change), book) for name, change in changes.items()}


def report(result: Estimate, others: dict[str, Estimate], book: PriceBook) -> dict[str, Any]:
    """Return everything as one JSON object."""
    kinds = {kind: sorted(n for n, p in book.prices.items() if p.basis == kind) for kind in ("quoted", "recalled")}
    return {
        "ok": True,
        "currency": "USD",
        "month_hours": 730,
        "region": book.region,
        "prices_date": book.date,
        "prices_unconfirmed": kinds,
        **msgspec.to_builtins(result),
        "totals_by_retention": by_retention(others),
        "terraform_retention": DEFAULT_RETENTION.value,
        # The requirement's estimate is of a function.
        "requirement": [] if result.scenario.servers else [msgspec.to_builtins(line) for line in compare(result)],
        "alternatives": {
            name: {"total_usd": other.total_usd, "groups": other.groups, "batch_s": other.batch_s}
            for name, other in others.items()
        },
    }


def by_retention(others: dict[str, Estimate]) -> dict[str, float]:
    """Return the total of each kind of retention: nothing else changes the bill as much."""
    return {kind.value: others[f"retention {kind.value}"].total_usd for kind in Retention}


def _refresh(book: PriceBook, output: Path | None, *, as_json: bool) -> None:
    from windrow.cost import price_list

    today = datetime.now(UTC).date().isoformat()
    with nullcontext() if as_json else err.status("downloading AWS's price files"):
        offers, failed = price_list.offer_files(book.offers(), book.region)
    result = refreshed(book, offers, today)
    fresh = len(book.prices) - len(result.kept)
    path = output or Path(f"prices-{book.region}-{today}.json")
    if fresh:
        price_list.save(result.book, path)
    # A price without a usage type is in no price list that can be read here, so keeping it is not a failure.
    missed = [name for name in result.kept if book.prices[name].usage_type]
    _report_refresh(result, failed, path if fresh else None, ok=not missed, as_json=as_json)
    if missed:
        raise typer.Exit(PROBLEM)


def _report_refresh(result: Refreshed, failed: dict[str, str], path: Path | None, *, ok: bool, as_json: bool) -> None:
    fresh = len(result.book.prices) - len(result.kept)
    written = str(path) if path else None
    if as_json:
        print_json({"ok": ok, "refreshed": fresh, "kept": result.kept, "failed": failed, "written": written})
        return
    for offer, why in failed.items():
        err.print(f"not read: {offer}: {why}", soft_wrap=True)
    for name, why in result.kept.items():
        err.print(f"kept {name}: {why}", soft_wrap=True)
    out.print(f"{fresh} of {counted(len(result.book.prices), 'price')} read from AWS's files")
    if written:
        out.print(f"written to {written}; use it with --prices {written}", soft_wrap=True)


def _print(result: Estimate, others: dict[str, Estimate], book: PriceBook, *, items: bool, beside: bool) -> None:
    s = result.scenario
    volume = (
        f" of {counted(round(s.file_bytes), 'byte')}: {s.raw_gb:,.0f} GB in, {s.archive_gb:,.0f} GB delivered; "
        f"{result.batch_s:.2f} s a batch"
    )
    out.print(out.text((f"{counted(round(s.files), 'file')} a month", "bold"), volume))
    _print_groups(result)
    _print_movers(result, others)
    if items:
        _print_lines(result)
    if beside:
        _print_requirement(result)
    out.print()
    if result.growth_usd:
        out.print(
            f"Nothing is deleted from Deep Archive: each further month of files adds {result.growth_usd:,.2f} USD "
            "a month, for good, unless Terraform's retention.expire_after_days is set."
        )
    recalled = sum(price.basis != "offer-file" for price in book.prices.values())
    out.print(
        f"List prices of {book.region} in USD, file of {book.date}, before tax, discounts and free tiers; "
        f"{recalled} of {len(book.prices)} are not read from AWS's own files (windrow cost --refresh)."
    )


def _table(title: str, *columns: str) -> Table:
    out.print()
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        number = column.endswith(("USD", "share", "quantity", "stated", "redone", "ours", "difference"))
        table.add_column(column, justify="right" if number else "left", no_wrap=number)
    return table


def _print_groups(result: Estimate) -> None:
    table = _table("A month", "group", "USD", "share")
    for group, usd in sorted(result.groups.items(), key=lambda each: -each[1]):
        table.add_row(group, f"{usd:,.2f}", f"{usd / result.total_usd:.0%}" if result.total_usd else "")
    table.add_row("total", f"{result.total_usd:,.2f}", "", style="bold")
    out.print(table)


def _print_movers(result: Estimate, others: dict[str, Estimate]) -> None:
    """Print the alternatives that move the bill, by how much."""
    differences = {name: other.total_usd - result.total_usd for name, other in others.items()}
    moving = {name: by for name, by in differences.items() if abs(by) >= MOVES_USD + MOVES_SHARE * result.total_usd}
    table = _table("What moves it, one change each", "instead", "USD", "difference", "")
    for name, by in sorted(moving.items(), key=lambda each: -abs(each[1])):
        note = "Terraform's default" if name == f"retention {DEFAULT_RETENTION.value}" else ""
        table.add_row(name, f"{others[name].total_usd:,.2f}", f"{by:+,.2f}", note)
    out.print(table)
    little = counted(sum(abs(by) > 0 for by in differences.values()) - len(moving), "other change")
    out.print(f"{little} move it by less, memory and compression level among them: see --json", style="dim")


def _print_lines(result: Estimate) -> None:
    table = _table("Item by item", "group", "item", "quantity", "unit", "USD")
    group = ""
    for line in result.lines:
        quantity = f"{line.quantity:,.0f}" if line.quantity >= WHOLE_FROM else f"{line.quantity:,.1f}"
        table.add_row(line.group if line.group != group else "", line.item, quantity, line.unit, f"{line.usd:,.2f}")
        group = line.group
    table.add_row("total", "", "", "", f"{result.total_usd:,.2f}", style="bold")
    out.print(table)


def _print_requirement(result: Estimate) -> None:
    table = _table("Compared with the requirement's own estimate (USD)", "group", "stated", "redone", "ours", "why")
    rows = compare(result)
    for row in rows:
        stated = f"{row.stated_usd:,.0f}" if row.stated_usd is not None else "-"
        redone = f"{row.redone_usd:,.1f}" if row.redone_usd is not None else "-"
        how = f" (redone: {row.how})" if row.how else ""
        table.add_row(row.group, stated, redone, f"{row.ours_usd:,.1f}", out.text(row.why, (how, "dim")))
    stated_sum = sum(row.stated_usd or 0 for row in rows)
    redone_sum = sum(row.redone_usd or 0 for row in rows)
    table.add_row("total", f"{stated_sum:,.0f}", f"{redone_sum:,.1f}", f"{result.total_usd:,.1f}", "", style="bold")
    out.print(table)
