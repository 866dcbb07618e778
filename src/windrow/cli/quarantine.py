"""``windrow archive quarantine``: quarantine broken archives, so that their files can be delivered again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from windrow.cli.output import PROBLEM, out, print_json
from windrow.core.errors import WrongUse
from windrow.settings import load

if TYPE_CHECKING:
    from windrow.operations.quarantine import Quarantined

NEEDS = ("ledger_table", "destination_endpoint", "destination_bucket", "destination_secret_id")


def quarantine(
    keys: Annotated[
        list[str], typer.Argument(metavar="KEY", help="Archives, as windrow audit names them, or s3://bucket/key.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Copy broken archives to the quarantine folder and write tombstones to their keys.

    Their files can then be delivered again. Reads each archive completely; a sound one is left as it is. Can be run at
    any time, also while workers run, and repeated. Afterwards windrow replay --missing delivers files that are still in
    the landing buckets; the others are in the copy. Exits with 1 if one of the archives is sound.
    """
    config = load(os.environ, needs=NEEDS)
    from windrow import bootstrap

    tool = bootstrap.quarantine(config)
    done = {key: tool.quarantine(key) for key in (_key(each, config.destination_bucket) for each in keys)}
    sound = [key for key, found in done.items() if found is None]
    if as_json:
        quarantined = [msgspec.to_builtins(found) for found in done.values() if found]
        print_json({"ok": not sound, "quarantined": quarantined, "sound": sound})
    else:
        for key, found in done.items():
            out.print(_line(key, found), soft_wrap=True)
    if sound:
        raise typer.Exit(PROBLEM)


def _key(location: str, bucket: str) -> str:
    """Return the key of a location. Raises `WrongUse` for another bucket's."""
    if not location.startswith("s3://"):
        return location
    named, _, key = location.removeprefix("s3://").partition("/")
    if named != bucket:
        raise WrongUse(f"{location} is in another bucket than WINDROW_DESTINATION_BUCKET, which is {bucket}")
    return key


def _line(key: str, found: Quarantined | None) -> str:
    if found is None:
        return f"{key} is sound: nothing was done"
    copy = f"copied to {found.kept_as}" if found.kept_as else "there was nothing to copy"
    return f"{key} has a tombstone now ({found.why}); {copy}"
