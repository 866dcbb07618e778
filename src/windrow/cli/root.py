"""The root command: a table of sub-commands, each imported only when it is run."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any

import msgspec
import typer
from typer.core import TyperCommand, TyperGroup

from windrow import __version__
from windrow.cli.failures import explained
from windrow.cli.output import INTERRUPTED, PROBLEM, err, exit_code, out, print_error
from windrow.cli.screen import LogLines
from windrow.cli.streams import standard_streams
from windrow.core.errors import WrongUse


class Entry(msgspec.Struct, frozen=True):
    """A sub-command: ``attribute`` of ``module`` is a Typer app or a function; ``summary`` is its line in the help.

    ``writes_json``: its ``--json`` names a file, ``-`` for standard output.
    """

    module: str
    attribute: str
    summary: str
    writes_json: bool = False


COMMANDS = {
    "demo": Entry(
        "windrow.cli.demo",
        "demo",
        "Start everything on this machine and verify the delivery of samples.",
    ),
    "up": Entry(
        "windrow.cli.up",
        "up",
        "Start the AWS emulator, the destination and a worker; keep them up.",
    ),
    "load": Entry(
        "windrow.cli.load",
        "load",
        "Start everything on this machine, upload at a rate, audit it.",
        writes_json=True,
    ),
    "run": Entry("windrow.cli.run", "run", "Poll the queue and process its batches until SIGTERM or SIGINT."),
    "archive": Entry("windrow.cli.archive", "app", "List, read, extract and verify archives, by range reads."),
    "status": Entry("windrow.cli.status", "status", "Show queue, circuit, dead letters and the last delivery."),
    "doctor": Entry("windrow.cli.doctor", "doctor", "Check settings, AWS, TLS and what the destination can do."),
    "audit": Entry("windrow.cli.audit", "audit", "Compare what arrived with what the archives hold."),
    "replay": Entry("windrow.cli.replay", "replay", "Queue objects of the landing buckets again."),
    "retain": Entry("windrow.cli.retain", "retain", "Copy archives to Deep Archive, delete old raw files."),
    "dlq": Entry("windrow.cli.dlq", "app", "Show, redrive or drop dead-letter messages."),
    "ledger": Entry("windrow.cli.ledger", "app", "Rebuild the ledger from the archives."),
    "circuit": Entry("windrow.cli.circuit", "app", "Open, close or show the circuit breaker."),
    "cost": Entry("windrow.cli.cost", "cost", "Estimate the monthly bill: total, groups, what moves it."),
    "package": Entry("windrow.cli.package", "package", "Build the Lambda zip, with the same bytes each time."),
    "deploy": Entry("windrow.cli.deploy", "deploy", "Shift the alias to a new version in steps, watching alarms."),
}
"""In the order of the help."""


EXIT_CODES = "Exit codes: 0 success, 1 a problem was found, 2 wrong usage or settings, 130 interrupted by Ctrl-C."
WIDEST_HELP = 120
"""Columns; longer lines are hard to read."""


class _Root(TyperGroup):
    """Imports a sub-command only when it is needed; the main help page imports none."""

    _summaries = False

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # names, by which Typer finds near ones

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - click's signature; Typer hides its types
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        return (
            TyperCommand(cmd_name, help=entry.summary, short_help=entry.summary) if self._summaries else load(cmd_name)
        )

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run the sub-command, its import included. Ctrl-C is reported here: Typer would end in silence."""
        try:
            with _interruptible():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            err.print("interrupted")
            raise typer.Exit(INTERRUPTED) from None

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        self._summaries = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._summaries = False


def load(name: str) -> Any:  # noqa: ANN401
    """Import a sub-command and return it in the form that the root runs."""
    entry = COMMANDS[name]
    target = getattr(import_module(entry.module), entry.attribute)
    if not isinstance(target, typer.Typer):
        function, target = target, typer.Typer(add_completion=False)
        target.command(name)(function)
    command = typer.main.get_command(target)
    command.name = name
    _finish_help(command)
    return command


def _finish_help(command: Any) -> None:  # noqa: ANN401 - click's; Typer hides its types
    """Give a command and those below it the exit codes, and plain help.

    Typer's boxes drop text in brackets, show a flag as if it took a value, and wrap only the first paragraph.
    """
    command.epilog = EXIT_CODES
    command.short_help = " ".join((command.help or "").partition("\n\n")[0].split())
    command.rich_markup_mode = None
    for each in getattr(command, "commands", {}).values():
        _finish_help(each)


app = typer.Typer(
    name="windrow",
    cls=_Root,
    no_args_is_help=True,
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST_HELP},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"windrow {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Gather small S3 files into one-minute archives and deliver each exactly once, checksum-verified, to MinIO."""
    context.obj["debug"] = debug


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code: 0 success, 1 a problem was found, 2 wrong usage or settings.

    Any error, also one that a library raises, is printed as one sentence; with ``--debug`` it is raised.
    """
    state = {"debug": False}
    as_json = _wants_json(arguments)
    with standard_streams(), _logs():
        try:
            _check_encoding(arguments)
            code = typer.main.get_command(app).main(
                args=list(arguments), prog_name="windrow", obj=state, standalone_mode=False
            )
            out.file.flush()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else PROBLEM
        except KeyboardInterrupt:  # a second one, while the first was reported
            return INTERRUPTED
        except typer.Abort:
            err.print("aborted")
            return PROBLEM
        except typer.TyperException as error:
            _print_usage(error, as_json=as_json)
            return error.exit_code
        except Exception as error:
            if state["debug"]:
                raise
            known = explained(error)
            print_error(known, as_json=as_json)
            return exit_code(known)
        return code if isinstance(code, int) else 0


def _wants_json(arguments: Sequence[str]) -> bool:
    """Return whether standard output is to hold JSON, before the command line is parsed: that may fail."""
    name = next((each for each in arguments if not each.startswith("-")), "")
    if name in COMMANDS and COMMANDS[name].writes_json:
        return "--json=-" in arguments or ("--json", "-") in pairwise(arguments)
    return "--json" in arguments


def _check_encoding(arguments: Sequence[str]) -> None:
    """Raise `WrongUse` for an argument that is not UTF-8, unless it names a file: only a file can have such a name."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            if not os.path.lexists(argument):
                raise WrongUse(f"{argument!r} is not UTF-8") from error


def _print_usage(error: typer.TyperException, *, as_json: bool) -> None:
    """Print what is wrong with the command line. If the message is empty, help has been printed instead."""
    message = error.format_message()
    if not message:
        return
    context = getattr(error, "ctx", None)
    if context and not as_json:
        err.print(f"{context.get_usage()}; see {context.command_path} --help", soft_wrap=True)
    print_error(WrongUse(message), as_json=as_json)


@contextmanager
def _logs() -> Iterator[None]:
    """Show what is logged, warnings of libraries included, on standard error."""
    root, lines = logging.getLogger(), LogLines(err)
    level = root.level
    root.addHandler(lines)
    try:
        yield
    finally:
        root.removeHandler(lines)
        root.setLevel(level)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have Ctrl-C raise `KeyboardInterrupt` inside the block, so that commands can clean up."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
