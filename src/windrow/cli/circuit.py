"""``windrow circuit``: hold the circuit breaker open or closed, or show it."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from windrow import settings
from windrow.cli.output import out, print_json
from windrow.core.circuit import Circuit, Mode, hold_s
from windrow.core.errors import MappingBusy, WrongUse
from windrow.core.words import lasting

if TYPE_CHECKING:
    from windrow.operations.sentinel import Switch
    from windrow.settings import Settings

NEEDS = ("ledger_table",)

_MEANING = {
    (Mode.AUTO, False): "closed: the sentinel watches the destination",
    (Mode.AUTO, True): "open: the destination failed; a successful probe closes it",
    (Mode.OPEN, True): "held open by an operator until `windrow circuit auto`",
    (Mode.CLOSED, False): "held closed by an operator, whatever the sentinel finds, until `windrow circuit auto`",
}

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Open, close or show the circuit breaker.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@app.command("open")
def hold_open(as_json: AsJson = False) -> None:
    """Disable the event source mapping, or pause workers without one, and keep it so: messages wait in the queue."""
    _command(Mode.OPEN, as_json=as_json)


@app.command("close")
def hold_closed(as_json: AsJson = False) -> None:
    """Enable the event source mapping, or workers without one, and keep it so, whatever the sentinel finds."""
    _command(Mode.CLOSED, as_json=as_json)


@app.command()
def auto(as_json: AsJson = False) -> None:
    """Return control of the circuit to the sentinel; one that was held open is closed."""
    _command(Mode.AUTO, as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the circuit and the mapping; changes nothing."""
    config = settings.load(os.environ, needs=NEEDS)
    switch = known_switch(config)
    _show(switch.state(), switch, config, as_json=as_json)


def describe(circuit: Circuit) -> str:
    """Return the circuit's state for people."""
    text = _MEANING[circuit.mode, circuit.opened]
    if circuit.opened and circuit.trips:
        held = lasting(timedelta(seconds=hold_s(circuit.trips)))
        text += f"; deliveries failed in a row ({circuit.fault}) while probes succeeded: it stays open for {held}"
    elif circuit.failures:
        text += f"; the last probe failed ({circuit.fault}), {circuit.failures} in a row"
    elif circuit.fault:
        text += f"; the last probe before that failed ({circuit.fault})"
    return text


def receiver(*, mapped: bool) -> str:
    """Return what receives messages: the mapping, or workers that follow none."""
    return "mapping" if mapped else "workers"


def describe_mapping(circuit: Circuit | None, enabled: bool, *, mapped: bool) -> str:
    """Return the mapping's state for people; where it differs from the circuit's, also what will happen."""
    if not mapped:
        return "running, without a mapping" if enabled else "paused: messages wait in the queue"
    if enabled:
        against = ", although the circuit is open: the sentinel disables it at its next run"
        return f"enabled{against if circuit and circuit.opened else ''}"
    if circuit is None or circuit.opened:
        return "disabled: messages wait in the queue"
    if circuit.mode is Mode.CLOSED:
        return "disabled, although the circuit is held closed: the sentinel enables it at its next run"
    return "disabled, and not by Windrow: messages wait until it is enabled by hand, or by `windrow circuit close`"


WITHOUT_EFFECT = (
    "WINDROW_EVENT_SOURCE_MAPPING_ID is not set, and no worker without a mapping has run on this ledger yet: "
    "set it to the id of the function's mapping"
)


def known_switch(config: Settings) -> Switch:
    """Return the circuit's switch. Raises `WrongUse` where nothing follows it: the mapping's id is missing then."""
    from windrow import bootstrap

    switch = bootstrap.switch(config)
    if not config.event_source_mapping_id and not switch.state().revision:
        raise WrongUse(WITHOUT_EFFECT)
    return switch


def _command(mode: Mode, *, as_json: bool) -> None:
    config = settings.load(os.environ, needs=NEEDS)
    switch = known_switch(config)
    _show(switch.set(mode), switch, config, as_json=as_json)


def _show(circuit: Circuit, switch: Switch, config: Settings, *, as_json: bool) -> None:
    mapped = bool(config.event_source_mapping_id)
    enabled, text = None, "being changed by Lambda at this moment; ask again"
    with contextlib.suppress(MappingBusy):
        enabled = switch.enabled()
        text = describe_mapping(circuit, enabled, mapped=mapped)
    if as_json:
        print_json({"ok": True, **msgspec.to_builtins(circuit), "mapping_enabled": enabled})
        return
    out.print(f"circuit  {describe(circuit)}", soft_wrap=True)
    if circuit.changed_at:
        out.print(f"since    {datetime.fromtimestamp(circuit.changed_at, UTC):%Y-%m-%d %H:%M:%S} UTC")
    out.print(f"{receiver(mapped=mapped)}  {text}", soft_wrap=True)
