"""``windrow archive ls`` of a folder, and ``windrow archive find``: list archives, or search them for a key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from windrow.archives import FoundArchive, FoundFile, SourceMissing, find_archives, find_files
from windrow.cli.output import PROBLEM, out, print_json
from windrow.cli.span import moment
from windrow.core.errors import WrongUse
from windrow.settings import load

Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Files that arrived from then on: 24h (ago), 2026-11-23.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Files that arrived before.")]


def ls_folder(location: str, since: str | None, until: str | None, *, as_json: bool) -> None:
    """Print the archives of a folder, as they are found or as one JSON object."""
    with search_errors():
        start, end = span(since, until)
        found = find_archives(location, since=start, until=end)
        if as_json:
            print_json({"ok": True, "archives": [_fields(each) for each in found]})
            return
        for each in found:
            window = each.window
            out.print(
                f"{window.start:%Y-%m-%d %H:%M}Z to {window.end:%Y-%m-%d %H:%M}Z  {each.size:>14,}  {each.location}",
                soft_wrap=True,
            )


def find(
    key: Annotated[str, typer.Argument(help="A raw S3 key, or a pattern with *, ? and [...].")],
    folder: Annotated[
        str | None,
        typer.Argument(metavar="FOLDER", help="s3://bucket/prefix or a folder; by default the destination's prefix."),
    ] = None,
    since: Since = None,
    until: Until = None,
    version: Annotated[str | None, typer.Option("--version", help="This version of the key only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """List the archives that hold a key, with each version of it; reads the manifests of the range.

    Without --since and --until it reads all manifests. Exits with 1 if no archive holds the key.
    """
    with search_errors():
        start, end = span(since, until)
        found = find_files(folder or _destination(), key=key, version_id=version, since=start, until=end)
        if as_json:
            files = [_file_fields(each) for each in found]
            print_json({"ok": bool(files), "files": files})
            count = len(files)
        else:
            count = 0
            for count, each in enumerate(found, 1):  # noqa: B007 - counts them
                version_id = each.file.version_id or "-"
                out.print(
                    f"{each.archive.location}  {each.file.name}  {version_id}  "
                    f"{each.file.event_time:%Y-%m-%d %H:%M:%S}Z",
                    soft_wrap=True,
                )
            if not count:
                out.print(f"no archive holds {key}", soft_wrap=True)
    if not count:
        raise typer.Exit(PROBLEM)


@contextmanager
def search_errors() -> Iterator[None]:
    """Tell of what is not there as wrong use."""
    try:
        yield
    except SourceMissing as error:
        raise WrongUse(str(error)) from error


def span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Read a range whose ends may be open. Raises `WrongUse` if it is empty."""
    now = datetime.now(UTC)
    start, end = (moment(text, now) if text else None for text in (since, until))
    if start and end and start >= end:
        raise WrongUse(f"the range is empty: {start:%Y-%m-%dT%H:%M:%SZ} is not before {end:%Y-%m-%dT%H:%M:%SZ}")
    return start, end


def _destination() -> str:
    settings = load(os.environ, needs=("destination_bucket",))
    return f"s3://{settings.destination_bucket}/{settings.destination_prefix}"


def _fields(found: FoundArchive) -> dict[str, object]:
    window = found.window
    return {
        "location": found.location,
        "key": found.key,
        "window_start": window.start,
        "window_end": window.end,
        "archive_bytes": found.size,
    }


def _file_fields(found: FoundFile) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(found.file)
    return {"archive": found.archive.location, **fields}
