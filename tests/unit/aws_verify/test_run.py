from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from botocore.exceptions import ClientError

from scripts.aws_verify import __main__ as command
from scripts.aws_verify.account import Caller
from scripts.aws_verify.checks import NotRun, Wrong
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.costs import RUN_H, cost
from scripts.aws_verify.inventory import Inventory
from scripts.aws_verify.report import Report, Result
from scripts.aws_verify.run import LIST, STOPPING, Run
from windrow.cost import price_list
from windrow.testing import FakeClock

NAME = "windrow-0123abcd"


class Account:
    """Stands for an account: what is in it, by kind."""

    def __init__(self) -> None:
        self.names = {"buckets": {"theirs"}, "VPCs": {"vpc-1"}}

    def look(self) -> Inventory:
        """Return what there is."""
        return {kind: set(names) for kind, names in self.names.items()}

    def remove(self, kind: str, name: str) -> Callable[[], None]:
        """Return a step that removes something."""
        return lambda: self.names[kind].remove(name)


def begin() -> Run:
    """Return a run that says nothing."""
    report = Report(
        name=NAME, at="AWS", account="111122223333", region="eu-west-2", commit="abc", terraform="Terraform v1.11.4",
        begun=datetime(2026, 11, 29, 1, 30, tzinfo=UTC),
    )  # fmt: skip
    return Run(report, FakeClock(), lambda _line: None)


def fail(error: BaseException) -> Callable[[object], str]:
    """Return a check that ends so."""

    def check(_context: object) -> str:
        """It is as it should be."""
        raise error

    return check


def see(_context: object) -> str:
    """It is seen."""
    return "seen"


def test_checks_are_made_whatever_becomes_of_each() -> None:
    """What fails, what can't be made here and what is well are told apart."""
    run = begin()
    checks = {"a": fail(Wrong("a | b\n<c>")), "b": fail(RuntimeError()), "c": fail(NotRun("no MinIO")), "d": see}
    run.checks(checks, None)
    assert [
        ("a", Result.FAILED, "a | b\n<c>"),
        ("b", Result.FAILED, "RuntimeError"),
        ("c", Result.NOT_RUN, "no MinIO"),
        ("d", Result.OK, "seen"),
    ] == [(step.name, step.result, step.detail) for step in run.report.steps]
    assert "| a | It is as it should be. | **no** | 0 | a \\| b; &lt;c> |" in run.report.page()


def test_all_is_destroyed_and_nothing_is_left() -> None:
    """The last that was made goes first."""
    run, account, cleanup, order = begin(), Account(), Cleanup(), list[str]()
    with run.destroying(cleanup, account.look, set):
        account.names["buckets"].add(NAME)
        cleanup.add("first", lambda: order.append("first"))
        cleanup.add("second", lambda: order.append("second"))
        cleanup.add("bucket", account.remove("buckets", NAME))
    assert ["second", "first"] == order
    assert run.report.ok
    assert "nothing is left" in run.report.page()


def test_what_could_not_be_destroyed_is_told_with_its_command() -> None:
    """The rest goes all the same; what others made meanwhile is told apart."""
    run, account, cleanup = begin(), Account(), Cleanup()

    def refuse() -> None:
        raise RuntimeError("not empty")

    with run.destroying(cleanup, account.look, lambda: {"vpc-2"}):
        account.names["buckets"] |= {NAME, f"{NAME}-archives", "another"}
        account.names["VPCs"].add("vpc-2")
        cleanup.add("aws s3 rb", account.remove("buckets", NAME))
        cleanup.add("terraform destroy", refuse)
    report = run.report
    assert {"terraform destroy": "not empty"} == report.undone
    assert {"buckets": [f"{NAME}-archives"], "VPCs": ["vpc-2"]} == report.left
    assert {"buckets": ["another"]} == report.by_others
    assert not report.ok
    for said in ("`terraform destroy`: not empty", f"buckets: {NAME}-archives", "VPCs: vpc-2", "buckets: another"):
        assert f"\n- {said}\n" in report.page()


def test_what_can_not_be_listed_is_told() -> None:
    """Credentials that ended meanwhile, say: the report is there all the same, and is not well."""
    run, lists = begin(), iter([{"buckets": {"theirs"}}])
    with run.destroying(Cleanup(), lambda: next(lists), set):
        pass
    assert {LIST: "what is left could not be listed: "} == run.report.undone
    assert not run.report.ok


def test_what_is_gone_already_is_no_failure() -> None:
    """A step is noted before the thing is made; any other answer of a service is one."""
    cleanup = Cleanup()

    def answer(code: str) -> Callable[[], None]:
        def step() -> None:
            raise ClientError({"Error": {"Code": code, "Message": "m"}}, "DeleteBucket")

        return step

    cleanup.add("never made", answer("NoSuchBucket"))
    cleanup.add("refused", answer("AccessDenied"))
    assert ["refused"] == list(cleanup.run())


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_ends_the_run_in_order(number: int) -> None:
    """What was made is destroyed, although a second one comes meanwhile; the handlers before are back then."""
    run, account, cleanup, after = begin(), Account(), Cleanup(), list[str]()
    before = signal.getsignal(number)

    def stop() -> str:
        os.kill(os.getpid(), number)
        return "went on"

    def impatient() -> None:
        stop()
        account.names["buckets"].remove(NAME)

    with run.destroying(cleanup, account.look, set):
        account.names["buckets"].add(NAME)
        cleanup.add("bucket", impatient)
        run.step("s", "It is seen.", stop)
        after.append("never")
    assert ([], True, True) == (after, run.report.interrupted, run.report.destroyed)
    assert {"theirs"} == account.names["buckets"]
    assert not run.report.ok
    assert before == signal.getsignal(number)


def test_report_is_written_twice(tmp_path: Path) -> None:
    """For people and for machines, under the day and minute; the account's digits are hidden on the page."""
    report = begin().report
    page = report.write(tmp_path)
    assert "aws-verify-2026-11-29T0130Z.md" == page.name
    assert report == msgspec.json.decode(page.with_suffix(".json").read_bytes(), type=Report)
    assert ("...3333" in page.read_text(), "111122223333" in page.read_text()) == (True, False)


def test_cost_is_named_item_by_item() -> None:
    """The whole is the sum, and more than the hours of what is billed by the hour."""
    price = cost(price_list.load())
    assert sum(price.items.values()) == price.usd
    assert RUN_H * price.hour_usd < price.usd
    asked = command.announcement("111122223333", command.caller(None), price)
    assert f"{price.usd:8.2f}  USD in all" in asked


@pytest.mark.parametrize(("terminal", "answer", "agreed"), [(True, "y", True), (True, "", False), (False, "y", False)])
def test_it_asks_first(monkeypatch: pytest.MonkeyPatch, terminal: bool, answer: str, agreed: bool) -> None:
    """Without a terminal nobody agrees."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: terminal, raising=False)
    monkeypatch.setattr("builtins.input", lambda _prompt: answer)
    assert agreed == command.agreed()


@pytest.mark.parametrize(("arguments", "runs"), [([], False), (["--yes"], True)])
def test_nothing_begins_unless_agreed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], runs: bool
) -> None:
    """Exit code 2; with `--yes` it begins, and ends with 1, as the report says."""
    begun = list[str]()

    def verify(root: Caller, *_more: object) -> Report:
        begun.append(root.account())
        return begin().report

    monkeypatch.setattr(command, "verify", verify)
    monkeypatch.setattr("scripts.aws_verify.account.Caller.account", lambda _self: "111122223333")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    status = command.main([*arguments, "--output", str(tmp_path)])
    assert ((1, ["111122223333"]) if runs else (2, [])) == (status, begun)
