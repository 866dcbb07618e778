"""Runs every command on a world whose every text is hostile; `test_screen` looks at what reaches the terminal.

``python -m tests.unit.cli.hostile`` marks in its output where each command begins and with what it ended.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import msgspec

from tests.archives import archive_of, joined
from tests.unit.cli.test_operator_commands import Auditing, Sweeping, report
from tests.unit.lab.load.records import MACHINE, record
from windrow import settings
from windrow.cli.root import run
from windrow.clients.sqs.dead_letters import DeadLetter
from windrow.core.circuit import Circuit, Mode
from windrow.core.errors import LedgerError, LocalStackError
from windrow.doctor import Check, State
from windrow.lab.load.summary import summarize
from windrow.operations.audit import Finding, Listing
from windrow.operations.deployment import DeploymentOutcome, Event, Result
from windrow.operations.rebuild import Rebuilt
from windrow.operations.replay import Position
from windrow.operations.retention import SweepReport
from windrow.operations.status import LastArchive, Status
from windrow.ports import ListedVersion, QueueDepth

MARK = "EVIL"
FORGED = "FORGED"
KEY = f"{MARK}[/b][red]:smile:\x1b]0;t\x07\x1b[2J\x9b6n\x00\x7f\n{FORGED}\r\u202egnp\u200b\u2066é€😀"
"""A key as an uploader may choose it, for S3 and for the terminal."""
TEXT = KEY + "\udcff"
"""What other sources may hold beside: half of a surrogate pair, from a file's name or an argument."""
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


class Site:
    """Stands in for whatever the commands ask: landing buckets, queues, ledger, mapping, destination."""

    opened = Circuit(mode=Mode.AUTO, opened=True, failures=3, fault=TEXT, changed_at=1)

    def missing(self, *_range: object, **_options: object) -> Listing:
        """Return one object."""
        version = ListedVersion("landing", KEY, "v1", "etag", 1, NOW)
        return Listing([version], NOW, NOW + timedelta(hours=1))

    def undelivered(self, versions: Iterator[ListedVersion]) -> Iterator[ListedVersion]:
        """Let it pass."""
        return versions

    def replay(self, versions: Iterator[ListedVersion], note: Callable[[Position], None], **_options: object) -> int:
        """Tell of it."""
        for version in versions:
            note(Position(version.bucket, version.key, "v1", 1))
        return 1

    def depth(self) -> QueueDepth:
        """Return an empty queue."""
        return QueueDepth(0, 0, 0)

    def rebuild(self, _start: object, _end: object, note: Callable[[Rebuilt], None]) -> Rebuilt:
        """Find a broken archive."""
        note(Rebuilt())
        return Rebuilt(1, 2, [Finding(KEY, TEXT)])

    def state(self) -> Circuit:
        """Return an open circuit."""
        return self.opened

    def enabled(self) -> bool:
        """Say no."""
        return False

    def poll(self) -> Status:
        """Return how things stand."""
        return Status(
            at=NOW,
            queue=QueueDepth(1, 0, 0),
            oldest_age_seconds=1.0,
            circuit=self.opened,
            mapping_enabled=False,
            dead_letters=1,
            last_archive=LastArchive(key=KEY, stored_at=NOW, files=3),
            problems={"queue": TEXT},
        )


class Letters:
    """Stands in for the dead-dead_letter queue."""

    def __init__(self) -> None:
        body = msgspec.json.encode({"Records": [{"eventName": KEY}]}).decode()
        self.dead_letter = DeadLetter(KEY, "handle", body, KEY, TEXT, 2, NOW, {})

    def depth(self) -> int:
        """Return the number of messages."""
        return 1

    def returning(self) -> contextlib.AbstractContextManager[None]:
        """Give nothing back."""
        return contextlib.nullcontext()

    def walk(self, _limit: int) -> Iterator[DeadLetter]:
        """Yield it."""
        yield self.dead_letter


class Deploying:
    """Stands in for the deployer."""

    def __init__(self, *arguments: Any, **_options: object) -> None:
        self.note = arguments[3]

    def rollback(self, _version: str | None) -> Result:
        """Tell of it."""
        self.note(Event(KEY, NOW, version=KEY, detail=TEXT))
        return Result(DeploymentOutcome.ROLLED_BACK, KEY, TEXT)


def broken(error: Exception) -> Callable[..., NoReturn]:
    """Return something that raises when it is called."""

    def call(*_arguments: object, **_options: object) -> NoReturn:
        raise error

    return call


def logging_switch(_settings: object) -> Site:
    """Log what others wrote, with a traceback, as clients and libraries do."""
    try:
        raise ValueError(TEXT)
    except ValueError:
        logging.getLogger("someone.elses").exception("failed: %s", TEXT)
    return Site()


def cases(folder: Path) -> dict[str, tuple[Sequence[str], dict[str, Any]]]:
    """Return, by name, the arguments of each run and what stands in for the world in it."""
    found = {"missing": [Finding(KEY, TEXT)]}
    counts = ("archives", "copied", "copied_bytes", "expired", "young", "unversioned", "foreign", "refused", "failed")
    swept = SweepReport(
        start=NOW,
        end=NOW + timedelta(hours=1),
        **dict.fromkeys(counts, 0),
        dry_run=False,
        complete=True,
        left_since=None,
        examples=[Finding(KEY, TEXT)],
        ok=False,
    )
    seen = summarize(record([30.0] * 3, failed=[TEXT]), profile="baseline", command="windrow load", machine=MACHINE)
    archive = folder / "archive.tar.gz"
    archive.write_bytes(joined(archive_of([(KEY, f"tab\there {KEY}".replace("\n", "").encode())])))
    damaged = folder / f"{MARK}\x1b[2J.tar.gz"
    damaged.write_bytes(archive.read_bytes()[:-40])
    auditor = {"windrow.bootstrap.auditor": lambda _settings: Site()}
    queues = {"windrow.bootstrap.queue_statistics": lambda _url: Site()}
    sending = {
        "windrow.bootstrap.ledger_corrector": lambda _settings: Site(),
        "windrow.bootstrap.replayer": lambda *_arguments, **_options: Site(),
    }
    dead_letters = {"windrow.bootstrap.dead_letter_queue": lambda _settings: Letters()}
    switch = {"windrow.bootstrap.switch": lambda _settings: Site()}
    examined = [Check(TEXT, state, TEXT, TEXT) for state in State]
    return {
        "audit": (
            ["audit", "--prefix", KEY],
            {"windrow.bootstrap.auditor": lambda _settings: Auditing(report(missing=1, ok=False, examples=found))},
        ),
        "replay dry": (["replay", "--missing", "--dry-run"], auditor | queues),
        "replay": (["replay", "--missing"], auditor | queues | sending),
        "retain": (["retain"], {"windrow.bootstrap.sweeper": lambda *_arguments: Sweeping(swept)}),
        "dlq ls": (["dlq", "ls"], dead_letters),
        "ledger rebuild": (["ledger", "rebuild", "--force"], {"windrow.bootstrap.rebuilder": lambda _settings: Site()}),
        "circuit status": (["circuit", "status"], switch),
        "status": (["status"], {"windrow.bootstrap.watcher": lambda _settings: Site()}),
        "doctor": (["doctor"], {"windrow.doctor.checks": lambda _environ: iter(examined)}),
        "deploy": (["deploy", "--function", "f", "--rollback"], {"windrow.bootstrap.deployer": Deploying}),
        "load": (["load"], {"windrow.cli.load._run": lambda *_arguments: seen}),
        "archive ls": (["archive", "ls", str(archive)], {}),
        "archive cat": (["archive", "cat", str(archive), "--key", KEY], {}),
        "archive extract": (["archive", "extract", str(archive), str(folder / KEY.replace("\0", ""))], {}),
        "archive verify": (["archive", "verify", str(damaged)], {}),
        "absent": (["archive", "ls", KEY.replace("\0", "")], {}),
        "help": (["--help"], {}),
        "help of a command": (["demo", "--help"], {}),
        "error": (["circuit", "status"], {"windrow.bootstrap.switch": broken(LedgerError(TEXT))}),
        "quoting error": (["circuit", "status"], {"windrow.bootstrap.switch": broken(LocalStackError(TEXT))}),
        "library's error": (["circuit", "status"], {"windrow.bootstrap.switch": broken(KeyError(TEXT))}),
        "system's error": (["circuit", "status"], {"windrow.bootstrap.switch": broken(OSError(5, TEXT, TEXT))}),
        "log": (["circuit", "status"], {"windrow.bootstrap.switch": logging_switch}),
        "unknown command": ([KEY], {}),
        "unknown option": ([f"--{KEY}"], {}),
        "wrong value": (["status", "--every", KEY], {}),
        "wrong time": (["audit", "--since", KEY], {}),
        "argument of no encoding": (["archive", "ls", f"{MARK}\udcff\x1b[2J"], {}),
    }


def main() -> None:
    """Run every case, for people and for machines."""
    os.environ["WINDROW_DESTINATION_ENDPOINT"] = "https://destination.example"
    for name in ("QUEUE_URL", "DLQ_URL", "LEDGER_TABLE", "DESTINATION_BUCKET", "DESTINATION_SECRET_ID"):
        os.environ[f"WINDROW_{name}"] = "x"
    loaded = settings.Settings(
        queue_url="q", dlq_url="d", landing_buckets=frozenset({"landing"}), event_source_mapping_id="m"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, (arguments, world) in cases(Path(folder)).items():
            for options in ([], ["--json"]):
                if options and name in ("load", "unknown option", "archive extract", "help", "help of a command"):
                    continue
                with contextlib.ExitStack() as stack:
                    stack.enter_context(mock.patch("windrow.settings.load", return_value=loaded))
                    for target, stand_in in world.items():
                        stack.enter_context(mock.patch(target, stand_in))
                    sys.stdout.write(f"=== {' '.join([name, *options])}\n")
                    sys.stdout.flush()
                    code = run([*arguments, *options])
                    sys.stdout.write(f"=== ended with {code}\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
