"""What is reported for messages that are returned to the queue."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec
import pytest

from tests.unit.world import World
from windrow.core.backoff import spread
from windrow.core.errors import LandingError, ObjectMissing, OutOfTime, WindrowError
from windrow.core.events import SourceObject
from windrow.pipeline.batch import Batch, ObjectResult, Outcome
from windrow.pipeline.settle import Settler
from windrow.ports import Body


@pytest.fixture
def failing() -> World:
    """A world whose landing bucket refuses every read."""
    world = World()

    def fail(operation: str) -> None:
        if operation == "get":
            raise LandingError("throttled")

    world.landing.hook = fail
    return world


@pytest.mark.parametrize("receives", [3, 8])
def test_a_minutes_files_come_back_together(failing: World, receives: int) -> None:
    """From all batches that they were in, so that they make one archive; other minutes come back at other times."""
    failing.spread = spread
    minutes = []
    for _ in range(4):
        start = failing.clock.now().replace(second=0, microsecond=0)
        sources = [failing.upload(f"{start}/{n}", at=start + timedelta(seconds=n)) for n in range(60)]
        minutes.append([failing.message(source, receives=receives) for source in sources])
        failing.clock.advance(60)
    for part in range(3):
        failing.process(*(message for messages in minutes for message in messages[part::3]))
    delays = [{failing.queue.visibility[message.message_id] for message in messages} for messages in minutes]

    assert [1, 1, 1, 1] == [len(each) for each in delays]
    assert 4 == len(set.union(*delays))


def test_the_oldest_message_given_back_is_measured(failing: World) -> None:
    """By the time since it was first queued, not since the file arrived: a replayed file is not old."""
    source = failing.upload("a")
    failing.clock.advance(7200)
    old = failing.message(source)
    failing.clock.advance(3700)
    young = failing.message(failing.upload("b"))

    failed = failing.process(young, old)

    assert {old.message_id, young.message_id} == set(failed)
    assert [3_700_000] == failing.metrics.latencies["OldestRetriedMs"]


def test_the_oldest_message_may_be_of_this_instant(failing: World) -> None:
    """Its age is 0, also by a clock that is behind SQS's."""
    message = failing.message(failing.upload("a"))
    failing.process(message, msgspec.structs.replace(failing.message(failing.upload("b")), sent_at=message.sent_at))
    failing.process(msgspec.structs.replace(message, sent_at=message.sent_at + timedelta(seconds=1)))

    assert [0.0, 0.0] == failing.metrics.latencies["OldestRetriedMs"]


def test_nothing_given_back_measures_nothing() -> None:
    """The alarm takes missing data as good."""
    world = World()

    world.process(world.message(world.upload("a")))

    assert [] == world.metrics.latencies["OldestRetriedMs"]


@pytest.mark.parametrize(("receives", "lines"), [(3, 0), (4, 1)])
def test_a_message_that_fails_often_is_named(
    receives: int, lines: int, failing: World, caplog: pytest.LogCaptureFixture
) -> None:
    """With its objects and the cause, from the fourth receive on."""
    source = failing.upload("a")

    with caplog.at_level(logging.WARNING, "windrow.pipeline.settle"):
        failing.process(failing.message(source, receives=receives))

    named = [
        vars(record) for record in caplog.records if record.message == "oldest message returned to the queue again"
    ]
    assert [([source.object_id], receives, "throttled")] * lines == [
        (record["objects"], record["receives"], record["cause"]) for record in named
    ]


def test_a_batch_names_its_five_most_frequent_causes(caplog: pytest.LogCaptureFixture) -> None:
    """With how many messages each keeps; six would be one too many for a line."""
    world = World()
    counts = {f"cause {number}": number + 1 for number in range(6)}
    for cause, count in counts.items():
        for number in range(count):
            world.upload(f"{cause}/{number}")
    causes = {source.key: source.key.partition("/")[0] for source in world.sources}

    def fail(source: SourceObject) -> Body:
        raise LandingError(causes[source.key])

    world.landing.get = fail  # type: ignore[method-assign]
    with caplog.at_level(logging.INFO, "windrow.pipeline.settle"):
        failed = world.process(*[world.message(source) for source in world.sources])

    (line,) = (vars(record) for record in caplog.records if record.message == "batch settled")
    assert {f"cause {number}": number + 1 for number in range(1, 6)} == line["causes"]
    assert (21, 21, 21) == (len(failed), line["messages"], line["kept"])


def test_a_line_names_five_objects_of_a_message(failing: World, caplog: pytest.LogCaptureFixture) -> None:
    """S3 sends one object a message; who sends more is shortened."""
    sources = [failing.upload(f"{number}") for number in range(6)]

    with caplog.at_level(logging.WARNING, "windrow.pipeline.settle"):
        failing.process(failing.message(*sources, receives=4))

    (line,) = (
        vars(record) for record in caplog.records if record.message == "oldest message returned to the queue again"
    )
    assert [source.object_id for source in sources[:5]] == line["objects"]


def test_what_is_counted_of_a_batch() -> None:
    """Files delivered, found delivered before or named twice, rejected, and returned to the queue."""
    world = World()
    before, twice, gone, archived = (world.upload(key) for key in ("before", "twice", "gone", "archived"))
    world.process(world.message(before))
    world.landing.remove(gone)

    world.metrics.counts.clear()
    world.landing.archive(archived)
    world.process(*[world.message(source) for source in (before, twice, twice, gone, archived)])

    assert (1, 2, 2, 0) == tuple(
        world.metrics.counts[name] for name in ("FilesProcessed", "FilesDuplicate", "FilesRejected", "FilesRetried")
    )


@pytest.mark.parametrize(
    ("result", "dead", "kept"),
    [
        (ObjectResult(Outcome.REJECTED, ObjectMissing("gone")), 1, 0),
        (ObjectResult(Outcome.REJECTED, LandingError("500")), 0, 1),
        (ObjectResult(Outcome.RETRY, ObjectMissing("not yet")), 0, 1),
        (ObjectResult(Outcome.RETRY, None, delay_s=7), 0, 1),
        (ObjectResult(Outcome.DELIVERED), 0, 0),
        (ObjectResult(Outcome.DUPLICATE), 0, 0),
    ],
)
def test_only_what_is_rejected_for_good_is_dead_lettered(result: ObjectResult, dead: int, kept: int) -> None:
    """All else stays in the queue, or is done."""
    world = World()
    message = world.message(world.upload("a"))
    batch = Batch("owner", [message])
    batch.parse(["landing"])
    batch.record(batch.objects, result)

    stays = Settler(world.queue, world.metrics, world.clock, lambda _name: 1.0).settle(batch)

    assert (dead, kept) == (len(world.queue.dead), len(stays))
    assert ([7] if result.delay_s else [10]) * kept == list(world.queue.visibility.values())


@pytest.mark.parametrize(("error", "delay_s"), [(None, 0), (LandingError("500"), 10), (ObjectMissing("gone"), 0)])
def test_what_lacked_time_comes_back_at_once_unless_failures_took_it(error: WindrowError | None, delay_s: int) -> None:
    """The next run would fare no better."""
    world = World()
    late, other = (world.message(world.upload(key)) for key in ("late", "other"))
    batch = Batch("owner", [late, other])
    batch.parse(["landing"])
    batch.record([world.sources[0].object_id], ObjectResult(Outcome.RETRY, OutOfTime("no time")))
    batch.record(
        [world.sources[1].object_id], ObjectResult(Outcome.RETRY, error) if error else ObjectResult(Outcome.DELIVERED)
    )

    Settler(world.queue, world.metrics, world.clock, lambda _name: 1.0).settle(batch)

    assert delay_s == world.queue.visibility[late.message_id]


def test_ignored_events_are_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    """A notification that is set for too much is seen so."""
    world = World()
    removed = world.message(world.upload("a"), world.upload("b"))
    body = removed.body.replace("ObjectCreated:Put", "ObjectRemoved:Delete")

    with caplog.at_level(logging.INFO, "windrow.pipeline.settle"):
        kept = world.process(msgspec.structs.replace(removed, body=body))

    (line,) = (vars(record) for record in caplog.records if record.message == "batch settled")
    assert ([], 2, {"ObjectRemoved:Delete": 2}) == (kept, world.metrics.counts["EventsIgnored"], line["ignored"])


def test_what_is_done_is_acknowledged_once_and_what_is_open_is_not() -> None:
    """Before work that may kill the process."""
    world = World()
    done, open_ = (world.message(world.upload(key)) for key in "ab")
    batch = Batch("owner", [done, open_])
    batch.parse(["landing"])
    batch.record([world.sources[0].object_id], ObjectResult(Outcome.DELIVERED))
    asked: list[str] = []
    world.queue.hook = asked.append
    settler = Settler(world.queue, world.metrics, world.clock, lambda _name: 1.0)

    for _ in range(2):
        settler.acknowledge_finished(batch)

    assert ([done.message_id], {done.message_id}, ["delete"]) == (world.queue.deleted, batch.acknowledged, asked)
