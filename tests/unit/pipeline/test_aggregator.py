"""One batch, on fakes: each promise of the design, and what happens when something fails at each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.archives import MemorySource
from tests.unit.world import Killed, World
from windrow.core.archive.reader import Archive
from windrow.core.archive.writer import build_frame, seal
from windrow.core.errors import DestinationError, DestinationFault, LandingError, LedgerError, ObjectForbidden
from windrow.core.events import Message, SourceObject
from windrow.core.ledger import ArchiveRecord, ArchiveState, Claim
from windrow.core.planning import plan
from windrow.pipeline.batch import Batch
from windrow.pipeline.deadline import Deadline
from windrow.ports import Body
from windrow.testing import FakeDestination, Hook

if TYPE_CHECKING:
    from typing_extensions import Buffer

OLDER_KEY = "2026/01/01/00/00/20260101T0000Z-0123456789abcdef.tar.gz"
AFTER_LEASE_S = 200
"""Longer than any lease of a worker that runs 60 s."""


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World()


def nth(operation: str, error: Callable[[], BaseException], *, at: int = 1) -> Hook:
    """Return a hook that raises at the n-th call of an operation, once."""
    seen = 0

    def hook(name: str) -> None:
        nonlocal seen
        if name == operation:
            seen += 1
            if seen == at:
                raise error()

    return hook


def always(operation: str, error: Callable[[], BaseException]) -> Hook:
    """Return a hook that raises at every call of an operation."""

    def hook(name: str) -> None:
        if name == operation:
            raise error()

    return hook


def down(kind: DestinationFault = DestinationFault.CONNECT, *, maybe: bool = False) -> Callable[[], DestinationError]:
    """Return a maker of destination errors."""
    return lambda: DestinationError("destination away", kind, maybe_stored=maybe)


def test_a_batch_becomes_one_archive_a_minute(world: World) -> None:
    """Files land in the archive of the minute they arrived in, whole and once."""
    now = world.clock.now()
    sources = [world.upload(f"in/{n}.json", b"x" * n, at=now + timedelta(seconds=20 * n)) for n in range(6)]

    failed = world.process(*[world.message(source) for source in sources])

    assert failed == []
    world.assert_each_once()
    assert sorted(key[:32] for key in world.destination.objects) == [
        "2026/01/02/03/04/20260102T0304Z-",
        "2026/01/02/03/05/20260102T0305Z-",
    ]
    assert world.metrics.counts["FilesProcessed"] == 6
    assert len(world.metrics.latencies["ProcessingLatencyMs"]) == 6


def test_late_files_are_counted_exactly(world: World) -> None:
    """One late file among many of a batch stays one, however the latencies are thinned out for CloudWatch."""
    now = world.clock.now()
    ages_s = [*range(150), 180, 181, 300]
    sources = [world.upload(f"{n}", at=now - timedelta(seconds=age)) for n, age in enumerate(ages_s)]

    world.process(*[world.message(source) for source in sources])

    counts = world.metrics.counts
    assert (153, 32, 2) == (counts["FilesProcessed"], counts["FilesOver2Minutes"], counts["FilesOver3Minutes"])


def test_the_archive_carries_its_proof(world: World) -> None:
    """Metadata, server checksum and bytes agree (REQ-05)."""
    world.process(world.message(world.upload("a", b"abc")))

    ((stored, body),) = world.destination.objects.values()

    assert stored.metadata["sha256_checksum"] == sha256(body).hexdigest() == stored.checksum_sha256
    assert stored.metadata["file-count"] == "1"
    assert stored.metadata["raw-bytes"] == "3"


def test_a_duplicate_inside_a_batch_is_one_delivery(world: World) -> None:
    """Both messages are acknowledged, the file is there once."""
    source = world.upload("a")

    failed = world.process(world.message(source), world.message(source), world.message(source, source))

    assert failed == []
    world.assert_each_once()
    assert world.metrics.counts["FilesDuplicate"] == 3


def test_a_duplicate_after_delivery_costs_the_destination_nothing(world: World) -> None:
    """Claim and record are enough to acknowledge it."""
    source = world.upload("a")
    world.process(world.message(source))
    asked: list[str] = []
    world.destination.hook = asked.append

    failed = world.process(world.message(source))

    assert failed == []
    assert asked == ["probe"]
    assert world.metrics.counts["FilesDuplicate"] == 1
    world.assert_each_once()


def test_a_duplicate_in_a_concurrent_batch_waits_for_the_lease(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """While another worker holds the object its message is returned until that lease ends, and the log says so."""
    source = world.upload("a")
    second: list[list[str]] = []
    message = world.message(source)

    def meanwhile(name: str) -> None:
        if name == "put" and not second:
            second.append([])
            second[0] = world.process(message)

    world.hook(meanwhile)
    with caplog.at_level("INFO", "windrow.pipeline.settle"):
        failed = world.process(world.message(source))
    waiting, _ = (vars(record) for record in caplog.records if record.message == "batch settled")

    assert failed == []
    assert second == [[message.message_id]]
    assert world.queue.visibility[message.message_id] == 60 + 15 + 1 + 1 + 5
    assert {"another worker has claimed it: tried again when its lease ends in 77 s": 1} == waiting["causes"]
    world.assert_each_once()


def test_events_that_are_nothing_to_do_are_acknowledged(world: World) -> None:
    """The test event of S3 touches neither ledger nor destination."""
    asked: list[str] = []
    world.hook(asked.append)
    message = Message("t", "r", '{"Service":"Amazon S3","Event":"s3:TestEvent"}', 1, world.clock.now())

    assert world.process(message) == []
    assert asked == []
    assert 1 == world.metrics.counts["EventsIgnored"]


@pytest.mark.parametrize("above", [b"newer", None], ids=["overwritten", "deleted"])
def test_an_object_from_before_versioning_is_delivered_as_it_was_announced(world: World, above: bytes | None) -> None:
    """Versioning was switched on before its event was handled. The manifest knows no version, as its event."""
    source = world.landing.put("landing", "a", b"older", versioned=False, event_time=world.clock.now())
    world.sources = [source]
    world.contents[source.object_id] = b"older"
    message = world.message(source)
    world.landing.cover(source, above)

    assert [] == world.process(message)
    world.assert_each_once()
    (body,) = (body for _, body in world.destination.objects.values())
    (file,) = Archive.open(MemorySource(body)).manifest.files
    assert (None, source.etag, source.sequencer) == (file.version_id, file.etag, file.sequencer)


def test_a_message_of_an_unknown_event_is_not_acknowledged_without_a_trace(world: World) -> None:
    """It ends among the dead letters, with a reason of its own."""
    source = world.upload("a")
    plain = world.message(source)
    unknown = msgspec.structs.replace(plain, body=plain.body.replace("ObjectCreated:Put", "ObjectMelted:Slowly"))

    assert [] == world.process(unknown)
    assert ["unknown-event"] == [error.reason for _, error in world.queue.dead.values()]


@pytest.mark.parametrize(("receives", "reasons"), [(4, []), (5, ["access-denied"])])
def test_an_object_that_is_refused_while_others_are_served_is_rejected(
    world: World, receives: int, reasons: list[str]
) -> None:
    """After five receives, not after a hundred; before that it is returned to the queue with its claim released."""
    good, refused = world.upload("good"), world.upload("refused")
    world.landing.refuse(refused, ObjectForbidden("no"))
    message = world.message(refused, receives=receives)

    failed = world.process(world.message(good), message)

    assert (reasons, [] if reasons else [message.message_id]) == (
        [error.reason for _, error in world.queue.dead.values()],
        failed,
    )
    assert {good.object_id: 1} == world.delivered()
    assert 0 == world.ledger.items[refused.object_id].lease_until


def test_a_lost_permission_costs_no_file_its_delivery(world: World) -> None:
    """All is refused for a while: nothing is rejected, and what was refused is delivered once it may be read."""
    sources = [world.upload(f"{number}") for number in range(5)]
    for source in sources:
        world.landing.refuse(source, ObjectForbidden("no"))
    messages = [world.message(source, receives=11) for source in sources]

    kept = world.process(*messages)
    for source in sources:
        world.landing.refuse(source, None)
    left = world.process(*(msgspec.structs.replace(message, receive_count=12) for message in messages))

    assert ({message.message_id for message in messages}, [], {}) == (set(kept), left, world.queue.dead)
    world.assert_each_once()


def test_rejects_go_to_the_dead_letter_queue_and_the_rest_is_delivered(world: World) -> None:
    """Each reason is named; nobody else pays for them."""
    good, gone, large, lying = (world.upload(key) for key in ("good", "gone", "large", "lying"))
    world.settings = msgspec.structs.replace(world.settings, max_object_bytes=100)
    large = world.landing.put("landing", "large", b"x" * 101)
    lying = world.landing.put("landing", "lying", b"abc", declared_sha256="0" * 64)
    world.landing.remove(gone)
    world.sources = [good]
    noise = Message("noise", "r", "\x00 no json", 1, world.clock.now())
    messages = [world.message(source) for source in (good, gone, large, lying)]

    failed = world.process(noise, *messages)

    assert failed == []
    assert {name: error.reason for name, (_, error) in world.queue.dead.items()} == {
        "noise": "malformed",
        messages[1].message_id: "missing",
        messages[2].message_id: "too-large",
        messages[3].message_id: "checksum",
    }
    world.assert_each_once()


def test_what_the_dead_letter_queue_does_not_take_stays_in_the_queue(world: World) -> None:
    """Nothing is acknowledged that is nowhere else."""
    world.queue.hook = always("dead_letter", lambda: RuntimeError("SQS is away"))

    assert world.process(Message("noise", "r", "noise", 1, world.clock.now())) == ["noise"]


def test_a_destination_that_is_down_costs_one_probe(world: World) -> None:
    """Claim nothing, fetch nothing, give everything back with backoff."""
    messages = [world.message(world.upload(f"{n}"), receives=2) for n in range(3)]
    asked: list[str] = []
    world.hook(asked.append)
    world.destination.hook = always("probe", down())

    failed = world.process(*messages)

    assert failed == [message.message_id for message in messages]
    assert asked == ["set_visibility"]
    assert set(world.queue.visibility.values()) == {20}


def test_a_destination_that_hangs_costs_one_probe(world: World) -> None:
    """However long the probe took: seven archives are planned, all messages back off, most of the run time is left."""
    now = world.clock.now()
    messages = [world.message(world.upload(f"{n}", at=now + timedelta(minutes=n))) for n in range(7)]
    probes: list[str] = []
    hung = down(DestinationFault.SLOW)

    def hang(operation: str) -> None:
        probes.append(operation)
        world.clock.advance(30)
        raise hung()

    world.destination.hook = hang
    began = world.clock.monotonic()
    failed = world.process(*messages, run_s=120)

    assert failed == [message.message_id for message in messages]
    assert (probes, world.clock.monotonic() - began) == (["probe"], 30)
    assert set(world.queue.visibility.values()) == {10}


def test_a_fault_holds_to_the_end_of_its_batch(world: World) -> None:
    """The gate's memory may end before the batch does, when claims or fetches take long; the next batch asks anew."""
    now = world.clock.now()
    messages = [world.message(world.upload(f"{n}", at=now + timedelta(minutes=n))) for n in range(3)]
    probes: list[str] = []
    away = down()

    def fail(operation: str) -> None:
        probes.append(operation)
        raise away()

    world.destination.hook = fail
    batch = Batch("owner", messages)
    batch.parse(["landing"])
    worker, deadline = world.worker(), Deadline(world.clock, 60)
    for archive in worker._plan(batch.open_objects()):
        worker._build(batch, archive, deadline)
        world.clock.advance(11)

    assert probes == ["probe"]
    assert {str(result.error) for result in batch.results.values()} == {"destination away"}


def test_time_that_a_failing_destination_used_up_is_followed_by_backoff(world: World) -> None:
    """A delivery that hangs to the end of the run time: the archives that had no turn back off as it does."""
    now = world.clock.now()
    messages = [world.message(world.upload(f"{n}", at=now + timedelta(minutes=n)), receives=2) for n in range(3)]
    hung = down(DestinationFault.SLOW)

    def hang(operation: str) -> None:
        if operation in ("put", "head"):
            world.clock.advance(15)
            raise hung()

    world.destination.hook = hang
    failed = world.process(*messages)

    assert failed == [message.message_id for message in messages]
    assert set(world.queue.visibility.values()) == {20}


@pytest.mark.parametrize(
    ("port", "operation", "error", "had_a_turn"),
    [("landing", "get", LandingError("away"), 3), ("ledger", "claim", LedgerError("away"), 2)],
)
def test_time_that_hanging_services_of_aws_used_up_is_followed_by_backoff(
    world: World, port: str, operation: str, error: Exception, had_a_turn: int
) -> None:
    """What was not reached backs off too: visible at once, it would use up its receives in a few hours."""
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=1)
    now = world.clock.now()
    messages = [world.message(world.upload(f"{n}", at=now + timedelta(minutes=n // 4)), receives=2) for n in range(12)]
    tries: list[str] = []

    def hang(name: str) -> None:
        if name == operation:
            tries.append(name)
            world.clock.advance(15)
            raise error

    getattr(world, port).hook = hang
    failed = world.process(*messages)

    assert failed == [message.message_id for message in messages]
    assert len(tries) == had_a_turn
    assert set(world.queue.visibility.values()) == {20}


def test_dead_owners_cost_a_hanging_destination_one_look(world: World) -> None:
    """Ten claims of ten crashed owners: a check that fails, and a probe after it, settle all; they back off."""
    messages = [world.message(world.upload(f"{n}")) for n in range(10)]
    world.landing.hook = always("get", Killed)
    for message in messages:
        with pytest.raises(Killed):
            world.process(message)
    world.landing.hook = lambda _: None
    world.clock.advance(AFTER_LEASE_S)
    looks: list[str] = []
    hung = down(DestinationFault.SLOW)

    def hang(operation: str) -> None:
        if operation == "head" or (looks and operation == "probe"):  # it answered when the run began
            looks.append(operation)
            world.clock.advance(15)
            raise hung()

    world.destination.hook = hang
    failed = world.process(*messages)

    assert failed == [message.message_id for message in messages]
    assert looks == ["head", "probe"]
    assert set(world.queue.visibility.values()) == {10}


def test_a_transient_fetch_failure_costs_that_file_alone(world: World) -> None:
    """Its claim is released before the archive is delivered; the retry delivers it."""
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=1)
    messages = [world.message(world.upload(f"{n}")) for n in range(3)]
    world.landing.hook = nth("get", lambda: LandingError("503"), at=2)

    failed = world.process(*messages)
    again = world.process(messages[1])

    assert failed == [messages[1].message_id]
    assert again == []
    world.assert_each_once()


def test_an_unforeseen_failure_in_one_file_costs_that_file_alone(world: World) -> None:
    """A bug met by one object must not keep a whole batch from delivery."""
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=1)
    messages = [world.message(world.upload(f"{n}")) for n in range(3)]
    world.landing.hook = nth("get", lambda: ZeroDivisionError("a bug"), at=3)

    failed = world.process(*messages)

    assert failed == [messages[2].message_id]
    assert sum(world.delivered().values()) == 2


def test_a_dropped_file_whose_claim_cannot_be_released_is_delivered_later(world: World) -> None:
    """Its claim names a committed archive then, but the archive's record does not list it (decision 2)."""
    messages = [world.message(world.upload(f"{n}")) for n in range(3)]
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=1)
    world.landing.hook = nth("get", lambda: LandingError("503"))
    world.ledger.hook = nth("release", lambda: LedgerError("throttled"))

    failed = world.process(*messages)
    world.hook(lambda _: None)
    world.clock.advance(AFTER_LEASE_S)
    again = world.process(*messages)

    assert (failed, again) == ([messages[0].message_id], [])
    world.assert_each_once()


def test_a_claim_that_was_written_although_its_reply_was_lost_is_no_delivery(world: World) -> None:
    """Part of an archive's claims fail without an answer, but stand; the rest is committed under the same key."""
    first, second = world.upload("a"), world.upload("b")
    now = int(world.clock.now().timestamp())
    released = Claim(first.object_id, "old", "gone", 0, now + 10**6)
    orphaned = Claim(second.object_id, OLDER_KEY, "gone", now - 1, now + 10**6)
    world.ledger.items |= {released.object_id: released, orphaned.object_id: orphaned}
    messages = [world.message(first), world.message(second)]
    world.ledger.hook = nth("take_over done", lambda: LedgerError("no answer"))

    failed = world.process(*messages)
    claimed_for = {claim.archive_key for claim in world.ledger.items.values()}
    world.clock.advance(AFTER_LEASE_S)
    again = world.process(*messages)

    assert len(claimed_for) == 1
    assert (failed, again) == ([messages[0].message_id], [])
    world.assert_each_once()


def test_the_same_plan_again_does_not_lose_what_dropped_out_of_it(world: World) -> None:
    """All messages come twice, one file drops out of the first archive, and the second worker dies (decision 2)."""
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=1)
    sources = [world.upload(f"{n}") for n in range(3)]
    world.landing.hook = nth("get", lambda: LandingError("503"), at=2)
    world.process(*[world.message(source) for source in sources])
    world.landing.hook = nth("get", Killed)
    with pytest.raises(Killed):
        world.process(*[world.message(source) for source in sources])
    world.hook(lambda _: None)
    world.clock.advance(AFTER_LEASE_S)

    failed = world.process(*[world.message(source) for source in sources])
    again = world.process(*[world.message(source) for source in sources]) if failed else []

    assert again == []
    world.assert_each_once()


@pytest.mark.parametrize("kind", [DestinationFault.SLOW, DestinationFault.UNAVAILABLE, DestinationFault.CONNECT])
def test_a_lost_reply_is_found_out_by_the_next_attempt(world: World, kind: DestinationFault) -> None:
    """The second PUT meets 412, and the manifest says that it was delivered."""
    world.destination.hook = nth("put done", down(kind, maybe=True))

    failed = world.process(world.message(world.upload("a")))

    assert failed == []
    world.assert_each_once()
    (key,) = world.destination.objects
    assert world.ledger.archives[key].owner == "request-1"


def test_a_put_without_any_answer_leaves_claims_standing_with_their_lease_ended(world: World) -> None:
    """Nobody may build the file anew before the destination was asked."""
    source = world.upload("a")
    message = world.message(source)
    away = down(DestinationFault.SLOW, maybe=True)
    seen: list[str] = []

    def hook(name: str) -> None:
        if name in ("put done", "head", "read") or (name == "put" and seen):
            seen.append(name)
            raise away()

    world.destination.hook = hook
    failed = world.process(message)
    claim = world.ledger.items[source.object_id]
    world.destination.hook = lambda _: None

    assert failed == [message.message_id]
    assert 0 < claim.lease_until <= world.clock.now().timestamp()
    assert world.process(message) == []
    world.assert_each_once()
    assert world.metrics.counts["FilesDuplicate"] == 1


class LateDestination(FakeDestination):
    """Carries a PUT out only after its sender has given up: the bytes were still in a buffer."""

    late: tuple[str, list[bytes], bytes, dict[str, str]] | None = None

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Keep the first PUT back."""
        if self.late is None:
            self.late = (key, [bytes(chunk) for chunk in chunks], sha256, dict(metadata))
            raise Killed
        return super().put(key, chunks, sha256, metadata)

    def arrive(self) -> bool:
        """Carry out what was kept back."""
        assert self.late is not None
        return super().put(*self.late)


@pytest.mark.parametrize("when", ["before the next worker", "after the next worker", "while the next worker looks"])
def test_a_dead_workers_put_that_arrives_late_delivers_once(world: World, when: str) -> None:
    """The key is closed before the claims change hands (decision 1)."""
    late = LateDestination(world.clock)
    world.destination = late
    message = world.message(world.upload("a"))
    with pytest.raises(Killed):
        world.process(message)
    world.clock.advance(AFTER_LEASE_S)
    arrived: list[bool] = []
    if when == "before the next worker":
        arrived.append(late.arrive())
    if when == "while the next worker looks":
        heads = 0

        def hook(name: str) -> None:
            nonlocal heads
            heads += name == "head"
            if name == "put" and heads and not arrived:
                arrived.append(True)
                late.arrive()

        late.hook = hook

    failed = world.process(message)
    if when == "after the next worker":
        arrived.append(late.arrive())

    assert failed == []
    assert arrived == [when != "after the next worker"]
    world.assert_each_once()


def test_a_destination_that_cannot_be_asked_keeps_the_dead_workers_claim(world: World) -> None:
    """Without an answer nothing is built anew."""
    message = world.message(world.upload("a"))
    world.hook(nth("put done", Killed))
    with pytest.raises(Killed):
        world.process(message)
    world.clock.advance(AFTER_LEASE_S)
    world.hook(always("head", down()))

    first = world.process(message)
    world.hook(lambda _: None)
    second = world.process(message)

    assert (first, second) == ([message.message_id], [])
    world.assert_each_once()


class Corrupting(FakeDestination):
    """Stores another digest in the metadata than was sent, the first time."""

    done = False

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Flip a character of the stored checksum once."""
        if not self.done:
            self.done = True
            flipped = "f" if metadata["sha256_checksum"][0] == "0" else "0"
            metadata = {**metadata, "sha256_checksum": flipped + metadata["sha256_checksum"][1:]}
        return super().put(key, chunks, sha256, metadata)


def test_a_wrong_checksum_is_found_replaced_and_delivered_by_the_retry(world: World) -> None:
    """No wrong archive stays, its key is taken by a tombstone, and the alarm's metric counts it."""
    world.destination = Corrupting(world.clock)
    message = world.message(world.upload("a"))

    failed = world.process(message)
    left = [stored.metadata["file-count"] for stored, _ in world.destination.objects.values()]
    again = world.process(message)

    assert (failed, left, again) == ([message.message_id], ["0"], [])
    assert world.metrics.counts["ChecksumMismatch"] == 1
    world.assert_each_once()


def test_a_wrong_archive_that_cannot_be_replaced_does_not_count_as_delivery(world: World) -> None:
    """Whoever finds it later replaces it first, and builds anew."""
    world.destination = Corrupting(world.clock)
    message = world.message(world.upload("a"))
    world.destination.hook = always("overwrite", down(DestinationFault.UNAVAILABLE))

    failed = world.process(message)
    world.destination.hook = lambda _: None
    world.clock.advance(AFTER_LEASE_S)
    again = world.process(message)

    assert (failed, again) == ([message.message_id], [])
    world.assert_each_once()


def test_a_ledger_that_is_away_costs_a_retry(world: World) -> None:
    """Nothing is fetched without a claim."""
    message = world.message(world.upload("a"))
    world.ledger.hook = always("claim", lambda: LedgerError("throttled"))

    failed = world.process(message)

    assert failed == [message.message_id]
    assert not world.landing.reads


def test_an_archive_whose_record_cannot_be_written_is_recognised_later(world: World) -> None:
    """Its message stays until the record stands; the archive is not built again."""
    source = world.upload("a")
    message = world.message(source)
    world.ledger.hook = always("record", lambda: LedgerError("throttled"))
    failed = world.process(message)
    world.ledger.hook = lambda _: None
    world.clock.advance(1)

    again = world.process(message)

    assert (failed, again) == ([message.message_id], [])
    assert [record.owner for record in world.ledger.archives.values()] == ["request-2"]
    assert world.landing.reads[source.object_id] == 1
    world.assert_each_once()


def test_a_lost_reply_of_the_ledger_is_recognised_as_ones_own_claim(world: World) -> None:
    """The claim is there already, with this very owner and archive."""
    source = world.upload("a")

    def claimed_before(name: str) -> None:
        if name == "claim":
            world.ledger.hook = lambda _: None
            key = "2026/01/02/03/04/20260102T0304Z-" + sha256(source.object_id.encode()).hexdigest()[:16] + ".tar.gz"
            now = int(world.clock.now().timestamp())
            world.ledger.claim([Claim(source.object_id, key, "request-1", now + 76, now + 10**6)])

    world.ledger.hook = claimed_before

    assert world.process(world.message(source)) == []
    world.assert_each_once()


def test_an_expired_claim_that_was_not_yet_deleted_is_free(world: World) -> None:
    """DynamoDB deletes expired items only by and by."""
    source = world.upload("a")
    now = int(world.clock.now().timestamp())
    world.ledger.items[source.object_id] = Claim(source.object_id, "old", "gone", now - 10, now - 1)
    world.ledger.archives["old"] = ArchiveRecord("old", "gone", ArchiveState.COMMITTED, now - 100, now - 1)

    assert world.process(world.message(source)) == []
    world.assert_each_once()


def test_time_that_runs_out_gives_the_rest_back_at_once(world: World) -> None:
    """No archive is started that could not be finished; what was fetched is delivered."""
    now = world.clock.now()
    first = world.message(world.upload("a", at=now))
    second = world.message(world.upload("b", at=now + timedelta(minutes=1)))
    world.destination.hook = lambda name: world.clock.advance(40) if name == "put" else None

    failed = world.process(first, second)

    assert failed == [second.message_id]
    assert world.queue.visibility == {second.message_id: 0}


def test_time_that_runs_out_while_fetching_delivers_what_is_there(world: World) -> None:
    """The files that were not reached come back at once."""
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=1)
    messages = [world.message(world.upload(f"{n}")) for n in range(4)]
    world.landing.hook = lambda name: world.clock.advance(21) if name == "get" else None

    failed = world.process(*messages)

    assert failed == [message.message_id for message in messages[2:]]
    assert world.delivered().total() == 2


def test_a_poison_object_takes_nobody_along(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that kills its worker each time: all others are delivered and leave the queue (decision 3)."""
    sources = [world.upload(f"{n:03}") for n in range(150)]
    poison = sources[77].object_id
    messages = {message.message_id: message for message in map(world.message, sources)}

    fetch = world.landing.get

    def get(source: SourceObject) -> Body:
        if source.object_id == poison:
            raise Killed
        return fetch(source)

    monkeypatch.setattr(world.landing, "get", get)
    queue, receives = dict(messages), 0
    while len(queue) > 1 and receives < 40:
        receives += 1
        world.queue.deleted.clear()
        try:
            kept = world.process(*[msgspec.structs.replace(m, receive_count=receives) for m in queue.values()])
            queue = {name: queue[name] for name in kept}
        except Killed:
            queue = {name: message for name, message in queue.items() if name not in world.queue.deleted}
        world.clock.advance(AFTER_LEASE_S)

    assert list(queue) == ["m78"]
    assert receives <= 15
    assert world.delivered().total() == 149
    assert set(world.delivered().values()) == {1}


def test_what_is_published_of_a_batch(world: World) -> None:
    """Once for all of its archives; the alarms and the bill know these names."""
    world.process(world.message(world.upload("a", b"abc")), world.message(world.upload("b", b"defgh")))

    ((stored, _),) = world.destination.objects.values()
    counts = {name: value for name, value in world.metrics.counts.items() if value}
    assert {"FilesProcessed": 2, "ArchivesDelivered": 1, "ArchiveBytes": stored.size, "RawBytes": 8} == counts
    assert 1 == world.metrics.flushes


PORTS: dict[str, tuple[str, str]] = {
    "get": ("landing", "get"),
    "claim": ("ledger", "claim"),
    "put": ("destination", "put"),
    "head": ("destination", "head"),
    "record": ("ledger", "record"),
}


@pytest.mark.parametrize("name", PORTS)
@pytest.mark.parametrize("error", [KeyError("ETag"), RecursionError(), MemoryError()], ids=repr)
def test_what_nobody_foresaw_costs_one_archive(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    """Whatever a port raises in the first archive, the second is delivered, and later the first too, each once."""
    first, second = world.upload("a"), world.upload("b", at=world.clock.now() + timedelta(minutes=1))
    port, method = PORTS[name]
    calls = getattr(getattr(world, port), method)
    broken: list[str] = []

    def once(*arguments: object, **named: object) -> object:
        if not broken:
            broken.append(name)
            raise error
        return calls(*arguments, **named)

    monkeypatch.setattr(getattr(world, port), method, once)
    messages = [world.message(first), world.message(second)]
    kept = world.process(*messages)
    world.clock.advance(AFTER_LEASE_S)
    again = world.process(*[message for message in messages if message.message_id in kept])

    assert [name] == broken
    assert (["m1"], []) == (kept, again)
    world.assert_each_once()


def test_deliveries_are_noted_for_the_sentinel(world: World) -> None:
    """Each that fails for the destination's sake, and the first that succeeds after them."""
    source = world.upload("a")

    def refuse(operation: str) -> None:
        if operation == "put":
            raise DestinationError("413", DestinationFault.REFUSED)

    world.destination.hook = refuse
    for _ in range(2):
        world.process(world.message(source))
    failed = list(world.health.noted)
    world.destination.hook = lambda _operation: None
    world.process(world.message(source))

    assert ["failed 1", "failed 1"] == failed
    assert ["delivered"] == world.health.noted[2:]


def test_a_file_that_its_archive_lacks_is_released_and_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Another worker's archive stands under the key, without it; the log tells why the message stays."""
    mine, theirs = world.upload("mine"), SourceObject("landing", "theirs", "v1", "e", "", 4, world.clock.now())
    (archive,) = plan([mine], prefix="", max_archive_bytes=1000)
    sealed = seal(archive.window, [build_frame([("data/theirs", theirs, b"body")], 1)], 1)
    world.destination.put(archive.key, sealed.chunks, sealed.sha256, sealed.metadata)
    message = world.message(mine)

    with caplog.at_level("INFO", "windrow.pipeline.settle"):
        kept = world.process(message)

    (line,) = (vars(record) for record in caplog.records if record.message == "batch settled")
    assert ([message.message_id], 0) == (kept, world.ledger.items[mine.object_id].lease_until)
    assert {f"{archive.key} was committed without this file": 1} == line["causes"]
    assert [] == world.process(message)
    assert 1 == world.metrics.counts["FilesProcessed"]
