"""The sentinel and an operator's switch, on fakes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
import pytest

from windrow import bootstrap
from windrow.clients.destination.bucket import PROBING, S3Destination
from windrow.core.archive.writer import seal
from windrow.core.circuit import STRONG_EVERY_S, Circuit, Mode, hold_s
from windrow.core.errors import DestinationError, DestinationFault, LedgerError, MappingBusy, MappingError
from windrow.core.keys import CANARY_FOLDER
from windrow.core.manifest import Window
from windrow.operations.sentinel import SLOW_S, STRONG_SLOW_S, Sentinel, Switch
from windrow.pipeline.gate import Gate
from windrow.pipeline.probe import STALE_S, STRONG_BYTES, Probe, canary
from windrow.ports import Credentials, Stored
from windrow.settings import Settings
from windrow.testing import (
    START,
    FakeCircuits,
    FakeClock,
    FakeDeliveryHealth,
    FakeDestination,
    FakeMapping,
    FakeMetrics,
    FakeSecrets,
)

MINUTE_S = 60


@dataclass
class Watch:
    """A sentinel's world, a minute passing between two runs."""

    clock: FakeClock = field(default_factory=FakeClock)
    mapping: FakeMapping = field(default_factory=FakeMapping)
    circuits: FakeCircuits = field(default_factory=lambda: FakeCircuits(Circuit(strong_at=int(START.timestamp()))))
    health: FakeDeliveryHealth = field(default_factory=FakeDeliveryHealth)
    written: datetime | None = None
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    destination: FakeDestination = field(init=False)
    prefix: str = "archives"
    runs: int = 0

    def __post_init__(self) -> None:
        self.destination = FakeDestination(self.clock)

    def new_id(self) -> str:
        """Return an id of its own for each canary."""
        self.runs += 1
        return f"id{self.runs}"

    def sentinel(self) -> Sentinel:
        """Return a sentinel as an invocation builds it."""
        return Sentinel(
            probe=Probe(self.destination, self.clock, self.prefix, self.new_id, parts=True),
            mapping=self.mapping,
            circuits=self.circuits,
            deliveries=self.health,
            written=lambda: self.written,
            metrics=self.metrics,
            clock=self.clock,
        )

    def run(self) -> Circuit:
        """Run it, then let a minute pass."""
        circuit = self.sentinel().run()
        self.clock.advance(MINUTE_S)
        return circuit

    def switch(self) -> Switch:
        """Return the operator's switch."""
        return Switch(mapping=self.mapping, circuits=self.circuits, clock=self.clock)

    def fail(self, kind: DestinationFault = DestinationFault.CONNECT, at: str = "probe") -> None:
        """Have the destination fail at an operation from now on."""
        self.destination.hook = failing(at, DestinationError(f"{at} failed", kind))

    def mend(self) -> None:
        """Have the destination work again."""
        self.destination.hook = lambda _operation: None


def failing(at: str, error: Exception) -> Callable[[str], None]:
    """Return a hook that raises at one operation."""

    def hook(operation: str) -> None:
        if operation == at:
            raise error

    return hook


@pytest.mark.parametrize("kind", DestinationFault)
@pytest.mark.parametrize("at", ["probe", "put", "head", "read"])
def test_each_fault_opens_after_two_probes_and_is_published(kind: DestinationFault, at: str) -> None:
    """Whatever fails, wherever: two in a row open the circuit, and the metrics name the kind."""
    watch = Watch()
    watch.fail(kind, at)
    first, second = watch.run(), watch.run()

    assert (False, True) == (first.opened, second.opened)
    assert kind == second.fault
    assert not watch.mapping.on
    counts = watch.metrics.counts
    assert {f"DestinationFault{k.value.capitalize()}": 2 if k is kind else 0 for k in DestinationFault} == {
        name: count for name, count in counts.items() if name.startswith("DestinationFault")
    }
    assert (0, 2) == (counts["DestinationUp"], watch.metrics.flushes)


def test_a_client_that_cannot_be_made_opens_as_any_fault_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentinel must not die of what it is there to find."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "no-such.pem")
    watch = Watch()
    secrets = FakeSecrets(Credentials("access", "secret"))
    destination = S3Destination("https://minio.invalid", "bucket", "us-east-1", secrets, watch.clock, PROBING)
    monkeypatch.setattr(watch.destination, "probe", destination.probe)
    watch.run()

    assert (True, DestinationFault.TLS) == (watch.run().opened, watch.circuits.load().fault)
    assert 2 == watch.metrics.counts["DestinationFaultTls"]


def tried(watch: Watch) -> list[str]:
    """Have the destination list what it is asked for, in order."""
    asked: list[str] = []
    watch.destination.hook = lambda operation: None if operation.endswith(" done") else asked.append(operation)
    return asked


AT_ONCE = ["probe", "put", "head", "read", "delete"]
IN_PARTS = [
    *("list", "begin", "send_part", "complete", "head", "read"),
    *("begin", "copy_part", "complete", "head", "read", "delete", "delete"),
]
CLEANING = ["list"]


def test_a_probe_is_as_strong_as_a_delivery_once_an_hour() -> None:
    """It then sends 2 MiB, and goes the way of large objects too."""
    watch = Watch()
    watch.clock.advance(STRONG_EVERY_S - MINUTE_S)
    asked = tried(watch)
    ends = []
    for _ in range(3):
        watch.run()
        ends.append(len(asked))
    weak, strong, after = asked[: ends[0]], asked[ends[0] : ends[1]], asked[ends[1] :]

    assert [*AT_ONCE, *CLEANING] == weak == after
    assert [*AT_ONCE, *IN_PARTS, *CLEANING] == strong


def test_a_canary_is_an_archive_without_files() -> None:
    """It has all of an archive's metadata, and a body that is its own; a strong one is larger than nginx's limit."""
    one, other = (canary(key, START, 0) for key in ("a", "b"))
    tombstone = seal(Window(START, START), [], level=1)

    assert tombstone.metadata.keys() == one.metadata.keys()
    assert one.sha256 != other.sha256
    assert one.sha256.hex() == one.metadata["sha256_checksum"]
    assert STRONG_BYTES < canary("a", START, STRONG_BYTES).size
    assert STRONG_BYTES > 1024 * 1024


@pytest.mark.parametrize("name", canary("k", START, 0).metadata)
def test_metadata_that_do_not_come_back_are_a_checksum_fault(name: str) -> None:
    """Any of an archive's: a proxy may drop a header that the server never signed."""
    watch = Watch()
    stored_by = watch.destination.head

    def head(key: str) -> Stored | None:
        stored = stored_by(key)
        kept = {each: text for each, text in stored.metadata.items() if each != name} if stored else {}
        return msgspec.structs.replace(stored, metadata=kept) if stored else None

    watch.destination.head = head  # type: ignore[method-assign]

    assert DestinationFault.CHECKSUM == watch.run().fault


def test_what_refuses_only_strong_probes_opens_within_two_minutes_of_the_hour() -> None:
    """Once a strong probe failed, the next is strong too, and the one that closes the circuit."""
    watch = Watch()
    watch.clock.advance(STRONG_EVERY_S)
    watch.fail(DestinationFault.REFUSED, at="send_part")
    first, second, third = watch.run(), watch.run(), watch.run()
    watch.mend()

    assert [False, True, True] == [circuit.opened for circuit in (first, second, third)]
    assert not watch.run().opened


def test_a_delete_that_is_refused_is_no_fault() -> None:
    """No delivery deletes anything: a bucket that keeps all there is for years takes archives all the same."""
    watch = Watch()
    watch.fail(DestinationFault.CREDENTIALS, at="delete")

    assert ["", ""] == [watch.run().fault, watch.run().fault]


def test_deliveries_that_fail_in_a_row_open_although_probes_are_good() -> None:
    """As a policy for the archives' own keys does; what they met is published, until they are tried again."""
    watch = Watch()
    gate = Gate(watch.destination, watch.health, watch.clock)
    for _ in range(3):
        gate.failed(DestinationError("AccessDenied", DestinationFault.CREDENTIALS))
    first, second = watch.run(), watch.run()
    held = watch.run()
    watch.clock.advance(hold_s(1))
    closed = watch.run()

    assert [(False, ""), (True, "credentials"), (True, "credentials")] == [
        (circuit.opened, circuit.fault if circuit.opened else "") for circuit in (first, second, held)
    ]
    assert (False, True) == (closed.opened, watch.mapping.on)
    assert 2 == watch.metrics.counts["DestinationFaultCredentials"]
    assert 2 == watch.metrics.counts["DestinationUp"]


def test_without_the_ledger_the_probe_is_made_and_published() -> None:
    """What is known of the destination does not hang on DynamoDB."""
    watch = Watch()
    watch.fail()
    watch.health.hook = watch.circuits.hook = failing("load", LedgerError("away"))
    with pytest.raises(LedgerError):
        watch.run()

    assert (0, 1) == (watch.metrics.counts["DestinationUp"], watch.metrics.counts["DestinationFaultConnect"])


def test_one_good_probe_closes() -> None:
    """The destination is back: the mapping is enabled within a minute."""
    watch = Watch()
    watch.fail()
    watch.run()
    watch.run()
    watch.mend()

    assert not watch.run().opened
    assert watch.mapping.on
    assert 1 == watch.metrics.counts["DestinationUp"]


def test_one_failure_changes_nothing() -> None:
    """A single lost probe is no outage."""
    watch = Watch()
    watch.fail()
    watch.run()
    watch.mend()
    watch.run()
    watch.fail()

    assert not watch.run().opened
    assert watch.mapping.on


def test_a_probe_that_takes_too_long_is_a_fault() -> None:
    """A destination that answers after eleven seconds is no use to the aggregator."""
    watch = Watch()
    watch.destination.hook = lambda operation: watch.clock.advance(SLOW_S + 1) if operation == "put" else None

    assert DestinationFault.SLOW == watch.run().fault
    assert [(SLOW_S + 1) * 1000] == watch.metrics.latencies["DestinationProbeMs"]


def test_the_age_of_the_credentials_is_published() -> None:
    """In whole hours since the secret's version was written; where that is not known, nothing is."""
    watch = Watch()
    watch.run()
    unknown = dict(watch.metrics.counts)
    watch.written = START - timedelta(days=2, minutes=5)
    watch.run()

    assert ("CredentialsAgeHours" in unknown, 48) == (False, watch.metrics.counts["CredentialsAgeHours"])


STEPS = ["probe", "put", "head", "read"]
LAMBDA_LIMIT_S = 58
"""The default of infra/modules/sentinel."""
REQUEST_S = 13
"""The longest request of the sentinel's client, see `windrow.clients.destination.bucket.PROBING`."""


@pytest.mark.parametrize("step_s", [3, 6, 11, 14])
def test_a_destination_that_is_slow_at_every_step_opens_the_circuit(step_s: int) -> None:
    """The probe ends at the step at which ten seconds are over, and what was found is noted and published."""
    watch = Watch()
    watch.destination.hook = lambda operation: watch.clock.advance(step_s) if operation in STEPS else None
    first, second = watch.run(), watch.run()

    assert (DestinationFault.SLOW, False, True) == (second.fault, first.opened, second.opened)
    assert not watch.mapping.on
    assert max(watch.metrics.latencies["DestinationProbeMs"]) <= (STRONG_SLOW_S + step_s) * 1000
    assert (0, 2, 2) == (
        watch.metrics.counts["DestinationUp"],
        watch.metrics.counts["DestinationFaultSlow"],
        watch.metrics.flushes,
    )


@pytest.mark.parametrize("at", STEPS)
def test_a_hang_at_any_step_ends_within_the_functions_limit(at: str) -> None:
    """The steps before took as long as a good probe may; the circuit's state is saved in time."""
    watch = Watch()
    before = STEPS.index(at)

    def hang(operation: str) -> None:
        if operation == at:
            watch.clock.advance(REQUEST_S)
            raise DestinationError("no answer", DestinationFault.SLOW)
        if operation in STEPS:
            watch.clock.advance(SLOW_S / before)

    watch.destination.hook = hang
    watch.sentinel().run()

    assert watch.clock.monotonic() <= SLOW_S + REQUEST_S < LAMBDA_LIMIT_S / 2
    assert (DestinationFault.SLOW, 1) == (watch.circuits.circuit.fault, watch.circuits.circuit.failures)


def test_cleaning_up_ends_when_it_takes_long() -> None:
    """A hundred old canaries on a destination that has become slow do not use up the run time."""
    watch = Watch()
    old = int(watch.clock.now().timestamp()) - STALE_S
    for number in range(100):
        watch.destination.put(f"archives/{CANARY_FOLDER}/{old}-{number}", [b"x"], sha256(b"x").digest(), {})
    cleaning: list[str] = []

    def slowly(operation: str) -> None:
        if operation == "list" or cleaning:
            cleaning.append(operation)
            watch.clock.advance(3)

    watch.destination.hook = slowly

    assert "" == watch.sentinel().run().fault
    assert watch.clock.monotonic() <= SLOW_S + REQUEST_S
    assert 0 < len(watch.destination.objects) < 100


def test_the_sentinels_client_is_less_patient() -> None:
    """Its time-outs are those of the arithmetic, and what it asks it asks once."""
    config = Settings(
        destination_endpoint="https://destination.example",
        destination_bucket="b",
        destination_secret_id="s",
        event_source_mapping_id="m",
        ledger_table="t",
    )
    destination = bootstrap.sentinel(config)._probe._destination

    assert isinstance(destination, S3Destination)
    assert (PROBING, 1, 1) == (destination._policy, PROBING.attempts, PROBING.probe_attempts)
    assert REQUEST_S == 2 * PROBING.connect_s + 1 + PROBING.read_s


def test_a_canary_that_comes_back_changed_is_a_fault() -> None:
    """Reading back other bytes than were written is a checksum fault."""
    watch = Watch()

    def corrupt(operation: str) -> None:
        if operation == "read":
            for key, (stored, body) in watch.destination.objects.items():
                watch.destination.objects[key] = stored, b"x" + body[1:]

    watch.destination.hook = corrupt

    assert DestinationFault.CHECKSUM == watch.run().fault


def test_canaries_leave_nothing_behind() -> None:
    """A good probe deletes its canary."""
    watch = Watch()
    watch.run()

    assert {} == watch.destination.objects


def test_old_canaries_are_deleted_and_nothing_else() -> None:
    """What a failed probe left is deleted an hour later; young canaries, archives and strange keys stay."""
    watch = Watch()
    watch.fail(at="read")
    watch.run()
    (left,) = watch.destination.objects
    watch.mend()
    others = [f"archives/{CANARY_FOLDER}/notes", "archives/2026/01/02/a.tar.gz"]
    for key in others:
        watch.destination.objects[key] = watch.destination.objects[left]
    watch.run()
    kept_young = left in watch.destination.objects
    watch.clock.advance(STALE_S)
    watch.run()

    assert kept_young
    assert sorted(others) == sorted(watch.destination.objects)


def test_a_clean_up_that_fails_is_no_fault() -> None:
    """Whether old canaries can be listed has no say in the circuit."""
    watch = Watch()
    watch.fail(at="list")

    assert "" == watch.run().fault


def test_without_a_prefix_canaries_stay_in_their_folder() -> None:
    """The folder is the same with an empty prefix, without a leading slash."""
    watch = Watch(prefix="")
    watch.fail(at="read")
    watch.run()

    assert [f"{CANARY_FOLDER}/{int(FakeClock().now().timestamp())}-id1"] == list(watch.destination.objects)


def test_a_mapping_disabled_by_hand_stays_disabled_through_an_outage() -> None:
    """What an operator disabled before the outage is not enabled after it."""
    watch = Watch(mapping=FakeMapping(on=False))
    watch.fail()
    outage = [watch.run() for _ in range(3)]
    watch.mend()
    watch.run()

    assert [False] * 3 == [circuit.opened for circuit in outage]
    assert not watch.mapping.on


def test_a_mapping_enabled_by_hand_in_an_outage_is_disabled_again() -> None:
    """The circuit opens as soon as there is something to disable, and closes after the outage."""
    watch = Watch(mapping=FakeMapping(on=False))
    watch.fail()
    watch.run()
    watch.run()
    watch.mapping.on = True
    opened = watch.run().opened
    disabled = not watch.mapping.on
    watch.mend()
    watch.run()

    assert (True, True, True) == (opened, disabled, watch.mapping.on)


@pytest.mark.parametrize("at", ["disable", "disable done", "enabled"])
def test_a_switch_that_failed_is_repeated(at: str) -> None:
    """The mapping could not be disabled, or nobody knows: the next minute does it again."""
    watch = Watch()
    watch.fail()
    watch.run()
    watch.mapping.hook = failing(at, MappingError("it is being changed"))
    with pytest.raises(MappingError):
        watch.run()
    watch.mapping.hook = lambda _operation: None
    circuit = watch.run()

    assert (True, False) == (circuit.opened, watch.mapping.on)
    assert 3 == watch.metrics.flushes


@pytest.mark.parametrize("at", ["enable", "enable done"])
def test_an_enabling_that_failed_is_repeated(at: str) -> None:
    """The circuit is noted as closed only when the mapping is known to be enabled."""
    watch = Watch()
    watch.fail()
    watch.run()
    watch.run()
    watch.mend()
    watch.mapping.hook = failing(at, MappingError("it is being changed"))
    with pytest.raises(MappingError):
        watch.run()
    still_open = watch.circuits.circuit.opened
    watch.mapping.hook = lambda _operation: None

    assert not watch.run().opened
    assert (True, True) == (still_open, watch.mapping.on)


@pytest.mark.parametrize("at", ["load", "save", "save done"])
def test_a_ledger_that_fails_once_delays_by_a_minute(at: str) -> None:
    """Whether the note was written or only its reply lost, the next probe ends as it should."""
    watch = Watch()
    watch.fail()
    watch.run()
    watch.circuits.hook = failing(at, LedgerError("throttled"))
    with pytest.raises(LedgerError):
        watch.run()
    watch.circuits.hook = lambda _operation: None

    assert watch.run().opened
    assert not watch.mapping.on


def test_two_sentinels_at_once_count_one_failure() -> None:
    """Both probe before either has written: one gets its way, the other adopts its result."""
    watch = Watch()
    watch.fail()
    inner: list[Circuit] = []

    def rival(operation: str) -> None:
        if operation == "save" and not inner:
            inner.append(Circuit())
            inner.append(watch.sentinel().run())

    watch.circuits.hook = rival
    circuit = watch.run()

    assert inner[1] == circuit == watch.circuits.circuit
    assert (1, True) == (circuit.failures, watch.mapping.on)


def test_two_sentinels_opening_at_once_both_leave_it_open() -> None:
    """The rival that finds the mapping disabled by the first does not take it for an operator's doing."""
    watch = Watch()
    watch.fail()
    watch.run()
    rivals: list[Circuit] = []

    def rival(operation: str) -> None:
        if operation == "enabled" and not rivals:
            rivals.append(Circuit())
            rivals.append(watch.sentinel().run())

    watch.mapping.hook = rival
    watch.run()
    watch.mend()
    opened, off = watch.circuits.circuit.opened, not watch.mapping.on
    watch.run()

    assert (True, True, True) == (opened, off, watch.mapping.on)


def between(at: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Return a hook that acts once, at the first time of an operation."""
    acted: list[str] = []

    def hook(operation: str) -> None:
        if operation == at and not acted:
            acted.append(operation)
            act()

    return hook


def about_to_close() -> Watch:
    """Return the end of an outage: the circuit is open, the next probe will be good."""
    watch = Watch()
    watch.fail()
    watch.run()
    watch.run()
    watch.mend()
    return watch


@pytest.mark.parametrize("commands", [[Mode.OPEN], [Mode.CLOSED, Mode.OPEN], [Mode.OPEN, Mode.OPEN]])
def test_an_operator_who_opens_while_a_sentinel_enables_gets_their_way(commands: list[Mode]) -> None:
    """The sentinel, whose note comes too late, takes back what it did to the mapping within the same run."""
    watch = about_to_close()
    watch.mapping.hook = between("enable", lambda: [watch.switch().set(mode) for mode in commands])
    circuit = watch.sentinel().run()

    assert (Mode.OPEN, True, False) == (circuit.mode, circuit.opened, watch.mapping.on)
    assert circuit == watch.circuits.circuit


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.CLOSED])
def test_an_operator_who_changes_their_mind_meanwhile_gets_their_way(mode: Mode) -> None:
    """Opened while the sentinel enables, and closed again while it takes that back: the mapping ends up enabled."""
    watch = about_to_close()
    opening = between("enable", lambda: watch.switch().set(Mode.OPEN))
    closing = between("disable", lambda: watch.switch().set(mode))

    def change_mind(operation: str) -> None:
        if enabled:
            closing(operation)
        opening(operation)
        enabled.extend([operation] if operation == "enable done" else [])

    enabled: list[str] = []
    watch.mapping.hook = change_mind
    circuit = watch.sentinel().run()

    assert (mode, False, True) == (circuit.mode, circuit.opened, watch.mapping.on)


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.CLOSED])
def test_an_operator_who_closes_while_a_sentinel_disables_gets_their_way(mode: Mode) -> None:
    """The sentinel has noted that the circuit stays open when the operator closes it: it is late with disabling."""
    watch = Watch()
    watch.switch().set(Mode.OPEN)
    watch.mapping.hook = between("disable", lambda: watch.switch().set(mode))
    circuit = watch.sentinel().run()

    assert (mode, False, True) == (circuit.mode, circuit.opened, watch.mapping.on)


def test_a_good_probe_beside_one_that_disables_ends_enabled() -> None:
    """Of two sentinels at once one finds the destination down, the other, a moment later, up again."""
    watch = Watch()
    watch.fail()
    watch.run()

    def up_again() -> None:
        watch.mend()
        watch.sentinel().run()

    watch.mapping.hook = between("disable", up_again)
    watch.sentinel().run()

    assert (False, True) == (watch.circuits.circuit.opened, watch.mapping.on)


def test_a_mapping_that_is_still_changing_is_asked_again() -> None:
    """Lambda refuses to disable what it is just enabling: a few seconds later it does not."""
    watch = about_to_close()
    refusals = iter([True, True, False])

    def busy(operation: str) -> None:
        opening(operation)
        if operation == "disable" and enabled and next(refusals):
            raise MappingError("it is being changed")
        enabled.extend([operation] if operation == "enable done" else [])

    enabled: list[str] = []
    opening = between("enable", lambda: watch.switch().set(Mode.OPEN))
    watch.mapping.hook = busy
    watch.sentinel().run()

    assert not watch.mapping.on
    assert 0 < watch.clock.monotonic() < 3 * MINUTE_S


def test_a_mapping_that_cannot_be_disabled_again_is_an_error() -> None:
    """The tries are bounded well within the run time; the next run repeats what the operator wants."""
    watch = about_to_close()

    def refuse(operation: str) -> None:
        opening(operation)
        if operation == "disable" and enabled:
            raise MappingError("it is being changed")
        enabled.extend([operation] if operation == "enable done" else [])

    enabled: list[str] = []
    opening = between("enable", lambda: watch.switch().set(Mode.OPEN))
    watch.mapping.hook = refuse
    began = watch.clock.monotonic()
    with pytest.raises(MappingError):
        watch.sentinel().run()
    took_s = watch.clock.monotonic() - began
    watch.mapping.hook = lambda _operation: None
    watch.run()

    assert took_s <= LAMBDA_LIMIT_S / 4
    assert not watch.mapping.on


@pytest.mark.parametrize(
    ("mode", "operation"), [(Mode.CLOSED, "enable"), (Mode.OPEN, "disable"), (Mode.AUTO, "enable")]
)
def test_a_command_waits_for_a_mapping_that_is_being_changed(mode: Mode, operation: str) -> None:
    """As it is for some seconds after the command before; what was asked for is done then."""
    watch = Watch()
    watch.switch().set(Mode.CLOSED if mode is Mode.OPEN else Mode.OPEN)
    refusals = iter([True, True, False])

    def busy(asked: str) -> None:
        if asked == operation and next(refusals):
            raise MappingBusy("it is being changed")

    watch.mapping.hook = busy
    circuit = watch.switch().set(mode)

    assert (mode, mode is not Mode.OPEN) == (circuit.mode, watch.mapping.on)


def test_a_mapping_that_stays_busy_is_told_with_what_is_noted() -> None:
    """The operator need not repeat the command: the sentinel does it."""
    watch = Watch()
    watch.switch().set(Mode.OPEN)
    watch.mapping.hook = failing("enable", MappingBusy("it is being changed"))
    with pytest.raises(MappingBusy, match=r"is held closed now, and the sentinel switches .* it is being changed"):
        watch.switch().set(Mode.CLOSED)
    held = watch.circuits.circuit.mode
    watch.mapping.hook = lambda _operation: None
    watch.run()

    assert (Mode.CLOSED, True) == (held, watch.mapping.on)


def test_operator_holds_and_hands_back() -> None:
    """Held open stands against good probes, held closed against bad ones, and auto decides by probes again."""
    watch = Watch()
    watch.switch().set(Mode.OPEN)
    held_open = (watch.run().opened, watch.mapping.on)
    watch.switch().set(Mode.CLOSED)
    watch.fail()
    held_closed = (watch.run().opened, watch.run().opened, watch.mapping.on)
    watch.switch().set(Mode.AUTO)
    decided = (watch.run().opened, watch.run().opened, watch.mapping.on)

    assert (True, False) == held_open
    assert (False, False, True) == held_closed
    assert (False, True, False) == decided


def test_auto_after_held_open_enables_at_once() -> None:
    """The operator need not wait for the next probe."""
    watch = Watch()
    watch.switch().set(Mode.OPEN)
    watch.switch().set(Mode.AUTO)

    assert (True, True) == (watch.mapping.on, watch.switch().enabled())
    assert not watch.switch().state().opened


@pytest.mark.parametrize("held", [Mode.OPEN, Mode.CLOSED])
def test_auto_that_could_not_enable_is_repeated(held: Mode) -> None:
    """Lambda refuses a change while it carries out another one: the command fails, and its repetition enables."""
    watch = Watch(mapping=FakeMapping(on=False))
    watch.mapping.hook = failing("enable", MappingError("it is being disabled"))
    with contextlib.suppress(MappingError):
        watch.switch().set(held)
    with pytest.raises(MappingError):
        watch.switch().set(Mode.AUTO)
    kept = watch.circuits.circuit.mode
    watch.mapping.hook = lambda _operation: None
    watch.switch().set(Mode.AUTO)

    assert held is kept
    assert (Mode.AUTO, False, True) == (watch.run().mode, watch.circuits.circuit.opened, watch.mapping.on)


def test_opening_works_without_the_ledger() -> None:
    """An operator who lost the ledger stops the work all the same, and is told to repeat the command."""
    watch = Watch()
    watch.circuits.hook = failing("load", LedgerError("the table is not there"))
    with pytest.raises(LedgerError, match="the mapping is disabled, but"):
        watch.switch().set(Mode.OPEN)

    assert not watch.mapping.on


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.CLOSED])
def test_nothing_is_enabled_that_could_not_be_noted(mode: Mode) -> None:
    """Without the ledger, closing is refused."""
    watch = Watch(mapping=FakeMapping(on=False))
    watch.circuits.hook = failing("load", LedgerError("the table is not there"))
    with pytest.raises(LedgerError):
        watch.switch().set(mode)

    assert not watch.mapping.on


def test_a_command_gets_its_way_beside_a_sentinel() -> None:
    """A sentinel writes between the operator's look and command: the command is tried again."""
    watch = Watch()
    seen: list[str] = []

    def rival(operation: str) -> None:
        seen.append(operation)
        if seen == ["load", "save"]:
            watch.sentinel().run()

    watch.circuits.hook = rival

    assert Mode.OPEN is watch.switch().set(Mode.OPEN).mode
    assert not watch.mapping.on


def test_a_state_that_never_holds_still_is_an_error() -> None:
    """The command gives up with an error rather than silently."""
    watch = Watch()

    def bump(operation: str) -> None:
        if operation == "save":
            watch.circuits.circuit = Circuit(revision=watch.circuits.circuit.revision + 1)

    watch.circuits.hook = bump
    with pytest.raises(LedgerError, match="kept changing"):
        watch.switch().set(Mode.CLOSED)

    assert watch.mapping.on
