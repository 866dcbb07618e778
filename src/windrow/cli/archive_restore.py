"""``windrow archive extract --to``: restore files from archives into a bucket."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, DownloadColumn, TransferSpeedColumn

from windrow import archives
from windrow.archives import Connection, Restored, Selection, TargetConflict
from windrow.cli.archive_search import search_errors, span
from windrow.cli.output import PROBLEM, err, out, print_json
from windrow.core.errors import WrongUse
from windrow.core.words import counted

To = Annotated[
    str | None, typer.Option("--to", metavar="S3_URL", help="Restore to s3://bucket/prefix, each file to its raw key.")
]


class Options(msgspec.Struct, frozen=True):
    """The options that select files and that say how to reach the target, as given."""

    key: str | None = None
    version: str | None = None
    bucket: str | None = None
    since: str | None = None
    until: str | None = None
    profile: str | None = None
    endpoint: str | None = None

    @property
    def any(self) -> bool:
        """Whether any option is given."""
        return self != Options()

    def selection(self) -> Selection:
        """Return the selection of files. Raises `WrongUse`."""
        start, end = span(self.since, self.until)
        return Selection(self.key, self.version, self.bucket, start, end)

    def target(self) -> Connection | None:
        """Return how to reach the target, None if in the same way as the archives. Raises `WrongUse`."""
        if self.profile is None:
            if self.endpoint is not None:
                raise WrongUse("--to-endpoint needs --to-profile, which has the keys for that server")
            return None
        return Connection(endpoint=self.endpoint, profile=self.profile)


def restore(location: str, to: str, options: Options, *, dry_run: bool, as_json: bool) -> None:
    """Restore, and print the result; exits with 1 unless all files are there now."""
    quiet = as_json or not err.is_terminal
    with (
        search_errors(),
        err.progress("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), disable=quiet) as bar,
    ):
        task = bar.add_task("restoring", total=None)
        try:
            result = archives.restore(
                location,
                to,
                options.selection(),
                dry_run=dry_run,
                target=options.target(),
                progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
        except TargetConflict as error:
            raise WrongUse(str(error)) from error
    if as_json:
        print_json({"ok": result.ok, "to": to, **msgspec.to_builtins(result)})
    else:
        _print(result, to)
    if not result.ok:
        raise typer.Exit(PROBLEM)


def _print(result: Restored, to: str) -> None:
    if not result.files:
        out.print(f"no file of the {counted(result.archives, 'archive')} is selected", soft_wrap=True)
    else:
        would = "would be written" if result.dry_run else "written, every SHA-256 verified"
        out.print(
            f"{counted(result.written, 'file')}, {result.written_bytes:,} bytes, {would}, to {to}; "
            f"{result.present:,} of {result.files:,} were there already",
            soft_wrap=True,
        )
    for count, what in (
        (
            result.older_versions,
            "older versions left out: only the newest of each key is restored, or the one of --version",
        ),
        (result.undescribed, "without content type and metadata, because the archive has none"),
        (result.conflicts, "not written: the target has other bytes under their keys"),
        (result.refused, "refused by the target"),
        (result.unreadable, "archives that can't be read: their files are not restored"),
    ):
        if count:
            out.print(f"{count:,} {what}", soft_wrap=True)
    for each in result.problems:
        out.print(f"  {each.where}: {each.problem}", soft_wrap=True)
