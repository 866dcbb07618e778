"""Wrong use and reports of the operators' commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from windrow import bootstrap
from windrow.cli.circuit import describe, describe_mapping
from windrow.cli.root import run
from windrow.cli.run import _batch_line
from windrow.core.circuit import Circuit, Mode, set_mode
from windrow.core.completeness import Mark
from windrow.operations.audit import AuditReport, Finding, Inventory, Judged
from windrow.operations.audit.inventory import SETTLING
from windrow.operations.audit.timeline import timeline
from windrow.operations.rebuild import Rebuilt
from windrow.operations.retention import SweepReport
from windrow.settings import Settings
from windrow.testing import FakeCircuits
from windrow.worker.progress import BatchFinished, InvocationOutcome

START = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["audit"], "WINDROW_LANDING_BUCKETS"),
        (["audit", "--since", "soon"], "'soon' is not a time"),
        (["audit", "--since", "1h", "--until", "2h"], "the range is empty"),
        (["replay"], "--missing or --all"),
        (["replay", "--missing", "--all"], "--missing or --all"),
        (["replay", "--missing", "--state", "x"], "--state goes with --all"),
        (["replay", "--missing"], "WINDROW_QUEUE_URL"),
        (["replay", "--missing"], "WINDROW_DLQ_URL"),
        (["retain"], "WINDROW_COPIES_BUCKET"),
        (["retain", "--since", "1h", "--until", "2h"], "the range is empty"),
        (["dlq", "ls"], "WINDROW_DLQ_URL"),
        (["dlq", "drop", "--json"], "--yes"),
        (["ledger", "rebuild"], "WINDROW_LEDGER_TABLE"),
        (["circuit", "open"], "WINDROW_LEDGER_TABLE"),
        (["status"], "WINDROW_QUEUE_URL"),
    ],
)
def test_wrong_use_names_what_is_wrong(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is asked of AWS before the command line and the settings are right."""
    assert 2 == run([*arguments, *([] if "--json" in arguments else ["--json"])])
    report = json.loads(capsys.readouterr().out)
    assert not report["ok"]
    assert named in report["error"]


@pytest.fixture
def unmapped(monkeypatch: pytest.MonkeyPatch) -> FakeCircuits:
    """An environment that names no mapping, and the circuit of workers without one."""
    for name in ("LEDGER_TABLE", "DESTINATION_BUCKET", "DESTINATION_SECRET_ID"):
        monkeypatch.setenv(f"WINDROW_{name}", "some-name")
    monkeypatch.setenv("WINDROW_DESTINATION_ENDPOINT", "https://destination.example")
    circuits = FakeCircuits()
    monkeypatch.setattr(bootstrap, "circuits", lambda _settings: circuits)
    return circuits


@pytest.mark.parametrize("command", [["circuit", "status"], ["circuit", "open"], ["ledger", "rebuild"]])
def test_a_mapping_that_was_forgotten_is_asked_for(
    command: list[str], unmapped: FakeCircuits, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no worker follows the circuit, an operator means a function's mapping, which would go on unnoticed."""
    assert 2 == run(command)
    assert "set it to the id of the function's mapping" in " ".join(capsys.readouterr().err.split())
    assert not unmapped.circuit.revision


def test_workers_without_a_mapping_are_held_by_an_operator(
    unmapped: FakeCircuits, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once one has run; what is said of them is not said of a mapping."""
    unmapped.circuit = Circuit(revision=1)
    codes = [run(["circuit", command]) for command in ("open", "auto")]

    assert [0, 0] == codes
    held, handed_back = capsys.readouterr().out.split("circuit  ")[1:]
    assert "workers  paused: messages wait in the queue" in held
    assert "workers  running, without a mapping" in handed_back


def test_rebuild_says_how_to_go_on_without_a_circuit(
    unmapped: FakeCircuits, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no circuit can be looked at, the operator must say that the work stands still."""
    assert not unmapped.circuit.revision
    assert 2 == run(["ledger", "rebuild"])
    assert "--force" in capsys.readouterr().err


class Rebuilding:
    """Stands in for the rebuilder: restores what it is told to."""

    def __init__(self, done: Rebuilt) -> None:
        self.done = done

    def rebuild(self, *_arguments: object) -> Rebuilt:
        """Report."""
        return self.done


@pytest.mark.parametrize(
    ("done", "code", "first"),
    [
        (Rebuilt(), 1, "the ledger has 0 files of 0 archives"),
        (Rebuilt(1, 2), 0, "the ledger has 2 files of 1 archive"),
    ],
)
def test_a_rebuild_that_found_no_archive_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], done: Rebuilt, code: int, first: str
) -> None:
    """With a mistyped prefix the ledger stays empty, and all that is delivered would be delivered again."""
    monkeypatch.setattr("windrow.settings.load", lambda *_args, **_options: Settings())
    monkeypatch.setattr("windrow.bootstrap.rebuilder", lambda _settings: Rebuilding(done))

    assert code == run(["ledger", "rebuild", "--force"])
    lines = capsys.readouterr().out.splitlines()
    assert first == lines[0]
    assert bool(code) is any("WINDROW_DESTINATION_PREFIX" in line for line in lines)


class Auditing:
    """Stands in for the auditor: reports what it is told to."""

    def __init__(self, report: AuditReport) -> None:
        self.report = report

    def judge(
        self, *_range: datetime, prefix: str, mark: Callable[[Mark], object] | None, **_options: object
    ) -> Judged:
        """Report, and have a mark written of a report that is sound."""
        if mark and self.report.ok:
            mark(Mark(START, START + timedelta(minutes=7), START + timedelta(hours=2), 0, {}))
        drawn = timeline(timedelta(hours=1), 60, {}, {}, [])
        return Judged(msgspec.structs.replace(self.report, prefix=prefix), drawn, START + timedelta(hours=2))


def report(**found: object) -> AuditReport:
    """Return a report with some findings."""
    annotations = AuditReport.__annotations__
    zeros: dict[str, object] = {name: 0 for name, kind in annotations.items() if kind == "int"}
    latency = {"p50": 61.0, "p95": 80.5, "p99_9": 99.0, "max": 100.0}
    rest = {"latency_seconds": latency, "within_2_minutes": 1.0, "within_3_minutes": 1.0, "objective_met": True}
    without = {"objective_met_without_replayed": True, "objective_met_without_requeued": True}
    fields = {**zeros, **rest, **without, "judged": 9, "absent": [], "examples": {}, "ok": True, **found}
    return AuditReport(start=START, end=START + timedelta(hours=1), **fields)  # type: ignore[arg-type]


def audited(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: AuditReport, *options: str
) -> tuple[int, str]:
    """Run ``windrow audit`` on a report; return exit code and output."""
    monkeypatch.setattr("windrow.settings.load", lambda *_args, **_options: None)
    monkeypatch.setattr("windrow.bootstrap.auditor", lambda _settings: Auditing(found))
    return run(["audit", *options]), capsys.readouterr().out


def test_an_audit_marks_what_is_complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And says of which minutes, or that of none; without the option nothing is written."""
    written: list[Mark] = []
    monkeypatch.setattr("windrow.bootstrap.marker", lambda _settings: SimpleNamespace(write=written.append))

    _, plain = audited(monkeypatch, capsys, report())
    assert ([], False) == (written, "marked" in plain)
    _, text = audited(monkeypatch, capsys, report(), "--mark")
    assert "marked as complete: 2026-11-23 10:00:00 to 2026-11-23 10:07:00 UTC" in text
    _, machine = audited(monkeypatch, capsys, report(), "--mark", "--json")
    assert [{"start": "2026-11-23T10:00:00Z", "end": "2026-11-23T10:07:00Z"}] == json.loads(machine)["marked"]
    assert 2 == len(written)
    _, nothing = audited(monkeypatch, capsys, report(ok=False), "--mark")
    assert "no minute is marked as complete" in nothing
    assert 2 == run(["audit", "--mark", "--prefix", "a"])


def test_a_clean_audit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, percentiles, the objective, and how much was judged."""
    code, text = audited(monkeypatch, capsys, report(landed=8, judged=1, delivered=1, archives=1, pending=7))

    assert 0 == code
    for part in (
        "p50 61.0 s",
        "p99.9 99.0 s",
        "objective met: 100.00 % within 2 minutes",
        "files in 1 archive",
        "nothing lost, nothing twice: 1 file judged; 7 not judged, younger than 5 minutes",
    ):
        assert part in text


def test_an_audit_with_findings(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; examples are shown as they are, brackets of theirs included."""
    found = report(missing=1, broken=2, ok=False, examples={"missing": [Finding("landing/[red]k[/]", "version v1")]})
    code, text = audited(monkeypatch, capsys, found)

    assert 1 == code
    assert "missing: landing/[red]k[/]  version v1" in text
    assert "there are findings: 1 missing, 2 broken\n" in text
    assert "is it the right WINDROW_DESTINATION_BUCKET and WINDROW_DESTINATION_PREFIX?" in text


def test_an_audit_names_a_bucket_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the first of the findings, and what was found all the same is reported."""
    lost = [Finding("landing-a", "there is no such landing bucket: what arrived there is not known")]
    code, text = audited(monkeypatch, capsys, report(absent=lost, missing=2, ok=False))

    assert 1 == code
    assert "does not exist: landing-a  there is no such landing bucket" in text
    assert "there are findings: 1 bucket not found, 2 missing\n" in text
    assert "If it is lost, see docs/operations.md" in text


def test_an_audit_says_that_it_could_not_judge_the_objective(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a landing bucket is lost, what is known of the rest is no share of all files."""
    lost = [Finding("landing-a", "there is no such landing bucket: what arrived there is not known")]
    found = report(absent=lost, ok=False, objective_met=None, within_2_minutes=None, within_3_minutes=None)
    _, text = audited(monkeypatch, capsys, found)

    assert "objective met" not in text
    assert "objective not judged: what arrived in a bucket that does not exist is not known" in text


def test_an_audit_that_judged_nothing_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and nothing that reads like a verdict on the files."""
    nothing = report(judged=0, landed=7, pending=7, ok=False, within_2_minutes=None, within_3_minutes=None)
    code, text = audited(monkeypatch, capsys, nothing, "--grace", "90s")

    assert 1 == code
    assert "nothing was judged: 7 files arrived less than 90 s ago (--grace)" in text
    assert "nothing lost" not in text
    assert "objective" not in text


def test_an_audit_explains_what_was_late(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Not delivered, or by a replay or redrive; a share that just misses the objective does not read as if met."""
    missed = report(
        objective_met=False,
        within_2_minutes=0.94998,
        within_3_minutes=0.99899,
        late=9,
        undelivered=2,
        replayed=3,
        redriven=4,
    )
    text = audited(monkeypatch, capsys, missed)[1]

    assert "objective missed: 94.99 % within 2 minutes (95 % wanted), 99.89 % within 3 (99.9 %)" in text
    assert "late: 9 files, 2 not delivered, 3 delivered by a replay, long after they arrived, 4 sent back from" in text
    assert "the dead-letter queue; without the ones queued again the objective is met\n" in text


def test_an_audit_of_a_prefix(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is handed on, and named as it is."""
    text = audited(monkeypatch, capsys, report(), "--prefix", "[b]/2026")[1]

    assert "keys under [b]/2026" in text.replace("\n", " ")


def test_an_audit_by_inventories_says_what_they_do_not_tell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes by one for each bucket, judges as far as the older one tells, and says so."""
    days = [Inventory(f"s3://i/{day}/manifest.json", "b", START + timedelta(days=day), (), ()) for day in (1, 2)]
    ends: list[datetime] = []

    class ByInventory(Auditing):
        def judge(self, *span: datetime, **options: Any) -> Judged:
            ends.append(span[1])
            return super().judge(*span, **options)

    monkeypatch.setattr("windrow.bootstrap.inventories", lambda _settings, urls: days[: len(list(urls))])
    monkeypatch.setattr("windrow.bootstrap.inventory_auditor", lambda _settings, _opened: ByInventory(report()))
    options = ["--since", "2026-11-23", "--until", "2026-11-26", "--inventory", "a", "--inventory", "b"]
    code, text = audited(monkeypatch, capsys, report(ok=False), *options)
    machine = json.loads(audited(monkeypatch, capsys, report(ok=False), *options, "--json")[1])

    settled = START + timedelta(days=1) - SETTLING
    assert (0, [settled] * 2) == (code, ends)
    assert f"by the inventory s3://i/2/manifest.json of {days[1].created_at:%Y-%m-%d %H:%M:%S} UTC\n" in text
    assert f"not judged: what arrived in {settled:%Y-%m-%d %H:%M:%S} to 2026-11-26 00:00:00 UTC" in text
    assert ["s3://i/1/manifest.json", "s3://i/2/manifest.json"] == [each["manifest"] for each in machine["inventories"]]
    assert "2026-11-26T00:00:00Z" == machine["asked_until"]


def test_an_audit_writes_its_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Beside what it prints; where it can't, that is an error of one line."""
    path = tmp_path / "page.html"
    code, text = audited(monkeypatch, capsys, report(missing=2, ok=False), "--page", str(path))
    failed, _ = audited(monkeypatch, capsys, report(), "--page", str(tmp_path / "absent" / "page.html"))

    assert (1, 1) == (code, failed)
    assert "there are findings: 2 missing" in text
    assert "2 files not delivered" in path.read_text(encoding="utf-8")


def test_an_audit_for_machines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One object with every field; the exit code is the same."""
    code, text = audited(monkeypatch, capsys, report(duplicated=2, ok=False), "--json")
    fields = json.loads(text)

    assert (1, 2, False) == (code, fields["duplicated"], fields["ok"])
    assert set(AuditReport.__struct_fields__) == fields.keys()


class Sweeping:
    """Stands in for the sweeper: remembers what it was asked for, reports what it is told to."""

    def __init__(self, found: SweepReport) -> None:
        self.found = found
        self.asked: dict[str, Any] = {}

    def sweep(self, **options: Any) -> SweepReport:
        """Report."""
        self.asked = options
        options["progress"](self.found)
        return self.found


def swept(monkeypatch: pytest.MonkeyPatch, *options: str, **found: Any) -> tuple[int, Sweeping]:
    """Run ``windrow retain`` on a report; return exit code and what was asked."""
    counts = ("archives", "copied", "copied_bytes", "expired", "young", "unversioned", "foreign", "refused", "failed")
    fields: dict[str, Any] = {**dict.fromkeys(counts, 0), "dry_run": False, "complete": True, "left_since": None}
    fields |= {"examples": [], "ok": True, **found}
    sweeping = Sweeping(SweepReport(start=START, end=START + timedelta(hours=1), **fields))
    monkeypatch.setattr("windrow.settings.load", lambda *_args, **_options: Settings())
    monkeypatch.setattr("windrow.bootstrap.sweeper", lambda *_args: sweeping)
    return run(["retain", *options]), sweeping


def test_a_sweep_that_did_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; the setting's hot days, and the sweep's own range."""
    code, sweeping = swept(monkeypatch, archives=3, copied=3, copied_bytes=3_000_000, expired=180)
    text = capsys.readouterr().out

    assert (0, timedelta(days=7), None) == (code, sweeping.asked["hot"], sweeping.asked["start"])
    for part in ("3.0 MB", "180", "everything due is copied and expired"):
        assert part in text


def test_a_sweep_without_archives_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Perhaps the prefix is wrong: that all is done would be too much to say."""
    code, _ = swept(monkeypatch)
    text = capsys.readouterr().out

    assert 0 == code
    assert "there is no archive in this range: nothing was copied or expired" in text
    assert "all is copied" not in text


def test_a_sweep_with_failures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; what failed is shown as it is, and where it stopped."""
    failed: dict[str, Any] = {"failed": 1, "examples": [Finding("[red]k[/]", "no copy")], "ok": False}
    code, _ = swept(monkeypatch, complete=False, left_since=START, **failed)
    text = capsys.readouterr().out

    assert 1 == code
    for part in ("[red]k[/]  no copy", "archives from 2026-11-23 10:00 UTC on are still to do", "run it again"):
        assert part in text


def test_options_of_a_sweep(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """They reach the sweep; a machine gets every field in one object."""
    code, sweeping = swept(
        monkeypatch, "--since", "2026-11-01", "--until", "2026-11-02", "--hot-days", "30", "--dry-run", "--json"
    )
    first, second = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    wanted = {"hot": timedelta(days=30), "start": first, "end": second, "dry_run": True}

    assert set(SweepReport.__struct_fields__) == json.loads(capsys.readouterr().out).keys()
    assert (0, wanted) == (code, {name: sweeping.asked[name] for name in wanted})


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("opened", [True, False])
def test_every_state_of_the_circuit_has_words(mode: Mode, opened: bool) -> None:
    """No state that can come about is without its meaning."""
    if (mode, opened) in ((Mode.OPEN, False), (Mode.CLOSED, True)):
        return
    assert describe(Circuit(mode=mode, opened=opened))
    assert "(tls), 3 in a row" in describe(Circuit(mode=mode, opened=opened, failures=3, fault="tls"))


def test_a_circuit_that_deliveries_opened_says_for_how_long() -> None:
    """No probe failed, so none is spoken of."""
    text = describe(Circuit(opened=True, failures=2, fault="refused", trips=3))
    assert "deliveries failed in a row (refused)" in text
    assert "8 minutes" in text
    assert "last probe" not in text


def test_a_probe_that_failed_before_a_command_is_told_as_that() -> None:
    """A command starts the count anew: none failed in a row since, and that is not said."""
    circuit = Circuit(mode=Mode.AUTO, failures=2, fault="tls")
    closed = set_mode(circuit, Mode.CLOSED, now_s=1)[0]
    handed_back = set_mode(closed, Mode.AUTO, now_s=2)[0]
    texts = [describe(closed), describe(handed_back)]

    assert ["the last probe before that failed (tls)"] * 2 == [text.rpartition("; ")[2] for text in texts]


@pytest.mark.parametrize(
    ("circuit", "enabled", "expected"),
    [
        (Circuit(), True, "enabled"),
        (Circuit(), False, "disabled, and not by Windrow: messages wait"),
        (Circuit(opened=True), False, "disabled: messages wait in the queue"),
        (Circuit(opened=True), True, "enabled, although the circuit is open: the sentinel disables it"),
        (Circuit(mode=Mode.CLOSED), False, "disabled, although the circuit is held closed: the sentinel enables it"),
        (None, False, "disabled: messages wait in the queue"),
    ],
)
def test_circuit_and_mapping_do_not_contradict_each_other(
    circuit: Circuit | None, enabled: bool, expected: str
) -> None:
    """Where they differ it is said what becomes of that."""
    text = describe_mapping(circuit, enabled, mapped=True)

    assert expected == text[: len(expected)]
    assert ("although" in text) is ("although" in expected)


def finished(
    outcome: InvocationOutcome = InvocationOutcome.OK, messages: int = 7, deleted: int = 0, failed: int = 0
) -> str:
    """Return the worker's line about a batch."""
    return _batch_line(BatchFinished("r", outcome, messages, deleted, failed, 0.5))


SEE = "; the log line 'batch settled' has the causes"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (finished(deleted=7), "batch of 7 messages: 7 done, 0.5 s"),
        (finished(messages=1, deleted=1), "batch of 1 message: 1 done, 0.5 s"),
        (finished(deleted=5, failed=2), f"batch of 7 messages: 5 done, 2 returned to the queue, 0.5 s{SEE}"),
        (finished(failed=7), f"batch of 7 messages: none done, 7 returned to the queue, 0.5 s{SEE}"),
        (
            finished(InvocationOutcome.CRASH, failed=7),
            "batch of 7 messages: FAILED (crash), none done, 7 returned to the queue, 0.5 s",
        ),
        (finished(deleted=6), "batch of 7 messages: 6 done, 1 done, but not deleted by SQS, 0.5 s"),
    ],
)
def test_a_batch_of_which_nothing_was_done_is_no_success(line: str, expected: str) -> None:
    """The handler's run may end well although all of its messages come back."""
    assert expected == line


def test_a_destination_that_a_profile_makes_a_landing_bucket_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worker would take its own archives for uploads; a profile may name the endpoint, as the environment may."""
    (tmp_path / "config").write_text(
        "[default]\nregion = eu-west-2\nservices = local\n"
        "[services local]\ns3 =\n  endpoint_url = http://127.0.0.1:9000\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    queue = "http://127.0.0.1:9000/000000000000"
    values = {
        "LANDING_BUCKETS": "one,two",
        "DESTINATION_BUCKET": "two",
        "DESTINATION_ENDPOINT": "http://localhost:9000",
        "DESTINATION_SECRET_ID": "s",
        "LEDGER_TABLE": "ledger",
        "QUEUE_URL": f"{queue}/uploads",
        "DLQ_URL": f"{queue}/rejected",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"WINDROW_{name}", value)

    assert 2 == run(["run"])
    assert "archives would come in as uploads" in " ".join(capsys.readouterr().err.split())
