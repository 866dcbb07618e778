"""``windrow ledger``: rebuild the ledger."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from windrow import settings
from windrow.cli.circuit import known_switch
from windrow.cli.output import PROBLEM, err, out, print_json
from windrow.cli.span import span
from windrow.core.circuit import Mode
from windrow.core.errors import WrongUse
from windrow.core.words import counted

if TYPE_CHECKING:
    from windrow.operations.rebuild import Rebuilt
    from windrow.settings import Settings

NEEDS = ("ledger_table", "destination_endpoint", "destination_bucket", "destination_secret_id")
LONGEST_WAIT = timedelta(days=14)
"""A message may wait this long in the queues, so an archive's window may be so much older than its delivery:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"""

NOTHING_FOUND = (
    "no archive with files was found, so nothing was restored: unless nothing was delivered in that time, "
    "WINDROW_DESTINATION_BUCKET, WINDROW_DESTINATION_PREFIX or --since is wrong, and files would be delivered twice"
)
"""With an empty ledger, messages that are received again are delivered twice."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Rebuild the ledger from the archives.")


@app.callback()
def _group() -> None:
    """Rebuild the ledger from the archives."""


@app.command()
def rebuild(
    since: Annotated[
        str | None, typer.Option(help="Start of the archives' windows: a duration ago (30d), a date or a time in UTC.")
    ] = None,
    until: Annotated[str, typer.Option(help="End, exclusive; as --since, or now.")] = "now",
    force: Annotated[bool, typer.Option("--force", help="Rebuild even if workers may be running.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Restore claims and archive records from the manifests, after the table was lost.

    Reads the archives that the ledger would remember, unless --since is given. Existing items stay as they are, so a
    rebuild can be interrupted and repeated. The circuit must be held open: a worker delivers a file that the ledger
    does not have.
    Exits with 1 if an archive is broken, or if none was found.
    """
    config = settings.load(os.environ, needs=NEEDS)
    now = datetime.now(UTC)
    remembered = now - timedelta(days=config.ledger_ttl_days) - LONGEST_WAIT
    start, end = span(since or remembered.isoformat(), until, now)
    if not force:
        _check_stopped(config)
    from windrow import bootstrap

    with err.status("reading archives") as status:

        def note(done: Rebuilt) -> None:
            status.update(f"{counted(done.archives, 'archive')}, {counted(done.files, 'file')} restored")

        done = bootstrap.rebuilder(config).rebuild(start, end, note)
    nothing = not done.archives and not done.broken
    ok = not done.broken and not nothing
    if as_json:
        print_json({"ok": ok, "archives": done.archives, "files": done.files, "broken": done.broken})
    else:
        files, archives = counted(done.files, "file"), counted(done.archives, "archive")
        out.print(f"the ledger has {files} of {archives}")
        for broken in done.broken:
            out.print(f"  broken: {broken.what}  {broken.detail}", soft_wrap=True)
        if nothing:
            out.print(NOTHING_FOUND, style="red", soft_wrap=True)
    if not ok:
        raise typer.Exit(PROBLEM)


def _check_stopped(config: Settings) -> None:
    """Raise `WrongUse` unless an operator holds the circuit open."""
    try:
        switch = known_switch(config)
    except WrongUse as error:
        raise WrongUse(f"{error}; or stop all workers, and use --force") from error
    if switch.state().mode is not Mode.OPEN or switch.enabled():
        raise WrongUse(
            "stop the workers first: windrow circuit open, then wait until no batch runs (the function's time limit); "
            "or use --force"
        )
