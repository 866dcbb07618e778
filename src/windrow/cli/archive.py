"""``windrow archive``: list, read, extract and verify archives, local or in the destination."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, DownloadColumn, TransferSpeedColumn
from rich.table import Table

from windrow.archives import Archive, SourceMissing, TargetError, open_archive
from windrow.archives.folders import is_folder
from windrow.cli.archive_restore import Options, To, restore
from windrow.cli.archive_search import Since, Until, find, ls_folder
from windrow.cli.output import err, human_bytes, out, print_json, write_bytes
from windrow.cli.quarantine import quarantine
from windrow.core.errors import ArchiveError, WrongUse
from windrow.core.manifest import Manifest, ManifestFile
from windrow.core.words import counted

JSON_BYTES = 16_000_000
"""Of the largest file for ``cat --json``, which holds it in memory several times."""

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List, read, extract and verify archives, by range reads."
)

app.command()(find)
app.command()(quarantine)

Location = Annotated[
    str,
    typer.Argument(metavar="ARCHIVE", help="A file, s3://bucket/key, or a URL that fsspec reads."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@app.command()
def ls(archive: Location, since: Since = None, until: Until = None, as_json: AsJson = False) -> None:
    """List the files of an archive by its manifest, or the archives of a folder: s3://bucket/prefix/ or a path.

    Tombstones, quarantined archives and objects that are not archives are left out. --since and --until are about when
    files arrived, so an archive of a backlog that covers an hour or a day is listed if it overlaps the range.
    """
    if is_folder(archive):
        ls_folder(archive, since, until, as_json=as_json)
        return
    if since or until:
        raise WrongUse("--since and --until are for a folder: s3://bucket/prefix/, with a slash at its end")
    with _open(archive) as opened:
        if as_json:
            print_json({"ok": True, "archive_bytes": opened.size, **msgspec.to_builtins(opened.manifest)})
        else:
            _print_table(opened.manifest, opened.size)


@app.command()
def cat(
    archive: Location,
    name: Annotated[str | None, typer.Argument(help="Member name, with or without data/.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="The raw S3 key instead of the member name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write one file's bytes to standard output; with --json its manifest entry and its bytes as base64.

    An archive in the destination costs two range reads, whatever its size. The file's SHA-256 is verified after its
    last byte is written: check the exit code.
    """
    with _open(archive) as opened:
        file = _select(opened, name, key)
        if as_json:
            if file.size > JSON_BYTES:
                size, most = human_bytes(file.size), human_bytes(JSON_BYTES)
                raise WrongUse(f"the file has {size}, and --json holds {most} at most; leave --json out")
            content = base64.b64encode(opened.read(file)).decode()
            print_json({"ok": True, **msgspec.to_builtins(file), "content_base64": content})
            return
        write_bytes(opened.pieces(file))


@app.command()
def extract(
    archive: Location,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Folder to write to; created if absent.")
    ] = None,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Members; by default all.")] = None,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Skip files that exist with the same bytes.")
    ] = False,
    to: To = None,
    key: Annotated[
        str | None, typer.Option("--key", help="With --to: a raw key, or a pattern with *, ? and [...].")
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="With --to: this version of a key only.")] = None,
    bucket: Annotated[
        str | None, typer.Option("--bucket", help="With --to: files of this landing bucket only.")
    ] = None,
    since: Since = None,
    until: Until = None,
    to_profile: Annotated[
        str | None, typer.Option("--to-profile", help="With --to: AWS profile for a target on another server.")
    ] = None,
    to_endpoint: Annotated[
        str | None, typer.Option("--to-endpoint", help="With --to-profile: the server's URL, if the profile has none.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --to: only say what would be written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write files below a folder, verified, never outside it and never over a file that exists.

    With --to s3://bucket/prefix restore them into a bucket instead: each file to its raw key, with content type and
    metadata, from one archive or from all below a folder (s3://bucket/prefix/). Of several versions of a key the newest
    is restored. Files that exist with the same bytes are skipped, so an interrupted restore can be started again;
    nothing is ever replaced. Exits with 1 if something could not be restored, or nothing was found.
    """
    options = Options(key, version, bucket, since, until, to_profile, to_endpoint)
    if to is not None:
        if folder is not None or skip_existing:
            raise WrongUse("with --to there is no folder, and existing files are always skipped; select files by --key")
        restore(archive, to, options, dry_run=dry_run, as_json=as_json)
        return
    if folder is None:
        raise WrongUse("give a target: a folder, or --to s3://bucket/prefix")
    if dry_run or options.any:
        raise WrongUse("--key, --version, --bucket, --since, --until, --dry-run and the like go with --to")
    _extract(archive, folder, names, skip_existing=skip_existing, as_json=as_json)


def _extract(archive: str, folder: Path, names: list[str] | None, *, skip_existing: bool, as_json: bool) -> None:
    with _open(archive) as opened:
        chosen = [opened.file(name) for name in names] if names else opened.files
        total = sum({file.name: file.size for file in chosen}.values())
        with _progress("extracting", total, quiet=as_json) as advance:
            written = written_bytes = 0
            wanted = [file.name for file in chosen] if names else None
            for file in opened.extract(folder, wanted, skip_existing=skip_existing):
                advance(file.size)
                written, written_bytes = written + 1, written_bytes + file.size
        if as_json:
            print_json({"ok": True, "folder": str(folder), "files": written, "bytes": written_bytes})
        else:
            out.print(
                f"{counted(written, 'file')}, {written_bytes:,} bytes, every SHA-256 verified, below {folder}",
                soft_wrap=True,
            )


@app.command()
def verify(archive: Location, as_json: AsJson = False) -> None:
    """Check gzip, tar, manifest, every SHA-256 and the end; report the first error."""
    with _open(archive) as opened:
        with _progress("verifying", opened.size, quiet=as_json) as advance:
            result = opened.verify(advance)
        files = result.manifest.files
        report = {
            "ok": True,
            "files": len(files),
            "raw_bytes": sum(file.size for file in files),
            "archive_bytes": result.size,
            "sha256": result.sha256,
            "sha256_compared": opened.expected_sha256 is not None,
        }
        if as_json:
            print_json(report)
        else:
            out.print(
                f"sound: {counted(len(files), 'file')}, {result.size:,} bytes, SHA-256 {result.sha256}", soft_wrap=True
            )


@contextmanager
def _open(location: str) -> Iterator[Archive]:
    """Open an archive; a missing archive or an unwritable target is wrong use, not a fault of the archive.

    Raises:
        ArchiveError: it is damaged or not an archive, also inside the block; the message names it.
    """
    try:
        with open_archive(location) as opened:
            yield opened
    except (SourceMissing, TargetError) as error:
        raise WrongUse(str(error)) from error
    except ArchiveError as error:
        raise ArchiveError(f"{location} is not a sound archive of Windrow's: {error}") from error


def _select(archive: Archive, name: str | None, key: str | None) -> ManifestFile:
    """Return the one file that a member name or a raw key means."""
    if (name is None) == (key is None):
        raise WrongUse("name the file by its member name or by --key, one of the two")
    if key is None:
        return archive.file(str(name))
    found = archive.versions(key)
    if len(found) > 1:
        raise WrongUse(f"{key!r} is there {len(found)} times: {', '.join(repr(file.name) for file in found)}")
    if not found:
        raise WrongUse(f"the archive holds no key {key!r}")
    return found[0]


def _print_table(manifest: Manifest, archive_bytes: int) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", overflow="fold")
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("sha256", no_wrap=True)
    table.add_column("event time", no_wrap=True)
    for file in manifest.files:
        moment = f"{file.event_time:%Y-%m-%d %H:%M:%S}Z"
        table.add_row(file.name, f"{file.size:,}", file.sha256[:12], moment)
    out.print(table)
    raw_bytes = sum(file.size for file in manifest.files)
    out.print(
        f"{counted(len(manifest.files), 'file')}, {raw_bytes:,} bytes in {archive_bytes:,}, "
        f"window {manifest.window_start:%Y-%m-%d %H:%M}Z to {manifest.window_end:%Y-%m-%d %H:%M}Z",
        soft_wrap=True,
    )


@contextmanager
def _progress(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error if it is a terminal, else a line now and then; yield what advances it."""
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with err.progress(*columns, disable=quiet or not err.is_terminal) as progress:
        task, show_line, done = progress.add_task(what, total=total), err.line_each_minute(), 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress.advance(task, count)
            if not quiet:
                show_line(f"{what}: {human_bytes(done)} of {human_bytes(total)}")

        yield advance
