"""``windrow dlq``: list the dead-letter queue, send messages back, delete them."""

from __future__ import annotations

import difflib
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Self

import msgspec
import typer
from rich.table import Table

from windrow import settings
from windrow.cli.output import PROBLEM, err, out, print_error, print_json
from windrow.core.errors import MalformedEvent, Permanent, QueueError, WrongUse
from windrow.core.events import SourceObject
from windrow.core.notifications import parse
from windrow.core.sqs import MESSAGES_A_CALL
from windrow.core.words import counted

if TYPE_CHECKING:
    from windrow.clients.sqs.dead_letters import DeadLetter, DeadLetterQueue

NEEDS = ("queue_url", "dlq_url")
LOOKED_AT = 1_000
TAKEN = 10_000
EXAMPLES = 3

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Show, redrive or drop dead-letter messages.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
Reason = Annotated[
    str | None, typer.Option(help="Only messages rejected for this reason, as `windrow dlq ls` names it.")
]


class Example(msgspec.Struct, frozen=True):
    """One message: the objects that it names, why and how often it was rejected, and when it was first sent."""

    message_id: str
    objects: list[str]
    detail: str
    rejections: int
    sent_at: datetime


class Group(msgspec.Struct, frozen=True):
    """The messages of one reason."""

    reason: str
    count: int
    oldest: datetime
    newest: datetime
    examples: list[Example]


@app.command()
def ls(
    limit: Annotated[int, typer.Option(min=1, help="Messages to read, at most.")] = LOOKED_AT,
    as_json: AsJson = False,
) -> None:
    """Show the rejected messages by reason, with counts and examples; deletes none.

    Exits with 1 if there are messages, but another command (or one that was killed) holds them all.
    """
    queue = _queue()
    with err.status("reading"), queue.returning():
        depth = queue.depth()
        with closing(queue.walk(limit)) as walk:
            messages = list(walk)
    groups = grouped(messages)
    unseen = max(0, depth - len(messages))
    elsewhere = unseen if len(messages) < limit else 0
    hidden = bool(elsewhere and not messages)
    if as_json:
        counts = {"about": max(depth, len(messages)), "looked_at": len(messages), "held_elsewhere": elsewhere}
        print_json({"ok": not hidden, **counts, "groups": groups})
    elif groups:
        _print(groups)
        if unseen and not elsewhere:
            out.print(f"{len(messages):,} of about {counted(depth, 'message')} read: see --limit")
    elif not elsewhere:
        out.print("the dead-letter queue is empty")
    if elsewhere and not as_json:
        out.print(held_elsewhere(elsewhere))
    if hidden:
        raise typer.Exit(PROBLEM)


@app.command()
def redrive(
    reason: Reason = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Messages to send back, at most.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send messages back to the source queue, with their history.

    Without a filter SQS does it in the background. What fails again comes back here, its count of
    rejections one higher.
    """
    queue = _queue()
    if reason is None and limit is None:
        depth = queue.depth()
        handle = queue.redrive_all() if depth else None
        if handle is not None:
            _report(
                {"ok": True, "task": handle, "about": depth},
                f"SQS moves about {counted(depth, 'message')} back, in the background; see: windrow status",
                as_json=as_json,
            )
            return
    seen: Counter[str] = Counter()
    done = _Done("redriven", "sent back", as_json=as_json)
    with done, err.status("sending back"), chosen(queue, reason, limit or sys.maxsize, seen) as messages:
        for batch in messages:
            with done.counting(queue, batch):
                queue.redrive(batch)
    done.show(_why_none(reason, seen))


@app.command()
def drop(
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="Messages to delete, at most.")] = TAKEN,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete messages for good. Their files stay in the landing bucket and count as missing in an audit."""
    if not yes and (as_json or not sys.stdin.isatty()):
        raise WrongUse("deleting needs --yes with --json or without a terminal")
    queue = _queue()
    seen: Counter[str] = Counter()
    done = _Done("dropped", "deleted", as_json=as_json)
    with done, chosen(queue, reason, limit, seen) as batches:
        messages = [message for batch in batches for message in batch]
        if messages and (yes or typer.confirm(f"Delete {counted(len(messages), 'message')} for good?")):
            with done.counting(queue, messages):
                queue.drop(messages)
    done.show(_why_none(reason, seen))


class _Done:
    """Counts what a command did and prints it, also if only a part was done. Used as a context manager."""

    def __init__(self, field: str, done: str, *, as_json: bool) -> None:
        self._field = field
        self._done = done
        self._as_json = as_json
        self._count = 0

    @contextmanager
    def counting(self, queue: DeadLetterQueue, messages: Sequence[DeadLetter]) -> Iterator[None]:
        """Count the messages that are gone at the end of the block, however it ends."""
        try:
            yield
        finally:
            self._count += queue.gone(messages)

    def show(self, why: str = "", *, ok: bool = True, error: str = "") -> None:
        """Tell how many there were."""
        report = {"ok": ok, self._field: self._count, **({"error": error} if error else {})}
        _report(report, f"{counted(self._count, 'message')} {self._done}{why}", as_json=self._as_json)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Print the count before the error that ended the work, unless it is 0."""
        if not self._count or error is None:
            return
        what = "something failed" if isinstance(error, Exception) else "it was interrupted"
        self.show(f", then {what}", ok=False, error=str(error) or what)
        if isinstance(error, QueueError):
            if not self._as_json:
                print_error(error, as_json=False)
            raise typer.Exit(PROBLEM) from error


def grouped(messages: Sequence[DeadLetter]) -> list[Group]:
    """Return the messages by reason, the most frequent first, with the newest as examples."""
    by_reason: dict[str, list[DeadLetter]] = defaultdict(list)
    for message in sorted(messages, key=lambda message: message.sent_at, reverse=True):
        by_reason[message.reason].append(message)
    groups = [
        Group(reason, len(found), found[-1].sent_at, found[0].sent_at, [_example(each) for each in found[:EXAMPLES]])
        for reason, found in by_reason.items()
    ]
    return sorted(groups, key=lambda group: (-group.count, group.reason))


@contextmanager
def chosen(
    queue: DeadLetterQueue, reason: str | None, limit: int, reasons: Counter[str]
) -> Iterator[Iterator[list[DeadLetter]]]:
    """Yield the messages with a reason (None: any) in batches; those not deleted at the end are returned to the queue.

    ``reasons`` counts the reasons of all messages read. No more messages are read than were there at the start, so that
    one that is sent back and rejected again meanwhile is not sent back twice.

    Raises:
        QueueError: also when there are messages, and all of them are held elsewhere.
    """

    def batches() -> Iterator[list[DeadLetter]]:
        left, seen = limit, 0
        batch: list[DeadLetter] = []
        depth = queue.depth()
        with closing(queue.walk(depth)) as messages:
            for seen, message in enumerate(messages, 1):  # noqa: B007 - counts for what follows
                reasons[message.reason] += 1
                if reason not in (None, message.reason):
                    continue
                batch.append(message)
                left -= 1
                if len(batch) == MESSAGES_A_CALL or not left:
                    yield batch
                    batch = []
                if not left:
                    return
        if depth and not seen:
            raise QueueError(held_elsewhere(depth))
        if batch:
            yield batch

    with queue.returning():
        yield batches()


def _why_none(reason: str | None, seen: Mapping[str, int]) -> str:
    """Return why no message of a reason was found, empty if some were.

    Raises:
        WrongUse: there is no such reason.
    """
    if reason is None or reason in seen:
        return ""
    there = ", ".join(f"{name} ({count:,})" for name, count in sorted(seen.items()))
    holds = f"the dead-letter queue holds {there}" if there else "the dead-letter queue is empty"
    known = {*(kind.reason for kind in Permanent.__subclasses__()), *_of_sqs(), *seen}
    if reason in known:
        return f": none was rejected as {reason}; {holds}"
    close = difflib.get_close_matches(reason, known, n=1)
    meant = f"did you mean {close[0]}?" if close else f"they are {', '.join(sorted(known))}."
    raise WrongUse(f"{reason!r} is not a reason that messages are rejected for; {meant} Now {holds}")


def _of_sqs() -> set[str]:
    from windrow.clients.sqs.dead_letters import UNKNOWN_REASON

    return {UNKNOWN_REASON}


def held_elsewhere(count: int) -> str:
    """Return the text about messages that are there but hidden."""
    from windrow.clients.sqs.dead_letters import HOLD_S

    return f"about {counted(count, 'message')} held elsewhere, visible within {HOLD_S // 60} minutes"


class _Everything(Container[str]):
    """Contains every bucket: rejected messages are shown whichever they name."""

    def __contains__(self, _item: object) -> bool:
        return True


def _queue() -> DeadLetterQueue:
    from windrow import bootstrap

    return bootstrap.dead_letter_queue(settings.load(os.environ, needs=NEEDS))


def _example(message: DeadLetter) -> Example:
    return Example(message.message_id, _objects(message.body), message.detail, message.rejections, message.sent_at)


def _objects(body: str) -> list[str]:
    try:
        found = list(parse(body, _Everything()))
    except MalformedEvent:
        return []
    return [f"{each.bucket}/{each.key}" for each in found if isinstance(each, SourceObject)]


def _print(groups: Sequence[Group]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("reason", "left"), ("count", "right"), ("oldest", "left"), ("newest", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for group in groups:
        table.add_row(group.reason, f"{group.count:,}", _moment(group.oldest), _moment(group.newest))
    out.print(table)
    for group in groups:
        out.print()
        out.print(f"{group.reason}, for example")
        for example in group.examples:
            what = ", ".join(example.objects) or f"message {example.message_id}"
            often = f" (rejected {counted(example.rejections, 'time')})" if example.rejections > 1 else ""
            out.print(f"  {what}  {example.detail}{often}", soft_wrap=True)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _report(report: dict[str, object], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
    else:
        out.print(text, soft_wrap=True)
