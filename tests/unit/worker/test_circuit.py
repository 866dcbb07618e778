"""Workers that follow no mapping: all follow the circuit, one of them probes."""

from __future__ import annotations

import pytest

from tests.unit.operations.test_sentinel import Watch
from tests.unit.worker.fakes import QUEUE_ARN, QUEUE_URL
from windrow.core.circuit import Circuit, Mode
from windrow.core.errors import LedgerError, MappingError, SettingsError
from windrow.core.mapping import MappingConfig
from windrow.operations.sentinel import WithoutMapping
from windrow.testing import FakeCircuits
from windrow.worker.circuit import CircuitSource, Turns, keep_probing

CONFIG = MappingConfig(queue_url=QUEUE_URL, queue_arn=QUEUE_ARN)


def unmapped() -> Watch:
    """Return a world whose workers follow no mapping."""
    watch = Watch()
    watch.mapping = WithoutMapping(watch.circuits)  # type: ignore[assignment]
    return watch


def turns(watch: Watch) -> Turns:
    """Return the turns of one worker."""
    return Turns(watch.sentinel(), watch.circuits)


def lost(_operation: str) -> None:
    """Fail as a table that is gone."""
    raise LedgerError("the table is gone")


def test_the_engine_follows_the_circuit() -> None:
    """It is off while the circuit is open, and else as it was given."""
    circuits = FakeCircuits()
    source = CircuitSource(CONFIG, circuits)
    closed = source.read()
    circuits.circuit = Circuit(opened=True)

    assert (CONFIG, False) == (closed, source.read().enabled)


def test_a_circuit_that_cannot_be_read_leaves_the_engine_as_it_is() -> None:
    """The engine goes on with what it knew at such an error."""
    with pytest.raises(MappingError, match="the table is gone"):
        CircuitSource(CONFIG, FakeCircuits(hook=lost)).read()


def test_what_is_given_by_hand_is_checked() -> None:
    """As with a mapping's own values."""
    with pytest.raises(SettingsError, match="timeout_s"):
        CircuitSource(MappingConfig(queue_url=QUEUE_URL, queue_arn=QUEUE_ARN, timeout_s=0), FakeCircuits())


def test_an_outage_stops_all_workers_and_its_end_starts_them() -> None:
    """Two failed probes open the circuit, a good one closes it, whoever made them."""
    watch = unmapped()
    source, first, second = CircuitSource(CONFIG, watch.circuits), turns(watch), turns(watch)
    watch.fail()
    enabled = []
    for _ in range(3):
        first.take()
        second.take()
        enabled.append(source.read().enabled)
        watch.clock.advance(60)
    watch.mend()
    first.take()
    second.take()

    assert [True, False, False] == enabled
    assert source.read().enabled


def test_of_several_workers_one_probes() -> None:
    """Each takes its turn at another moment of the minute; the others see that it was probed."""
    watch = unmapped()
    workers = [turns(watch) for _ in range(3)]
    rounds = []
    for _ in range(4):
        rounds.append([worker.take() for worker in workers])
        watch.clock.advance(60)

    assert [[True, True, True], [False, False, True], [False, False, True], [False, False, True]] == rounds


def test_another_worker_probes_when_the_one_that_did_is_gone() -> None:
    """After one turn in which it waits for the probe that does not come."""
    watch = unmapped()
    dies, lives = turns(watch), turns(watch)
    lives.take()
    for _ in range(2):
        dies.take()
        assert not lives.take()

    assert [True, True] == [lives.take() for _ in range(2)]


def test_without_the_ledger_it_is_probed_all_the_same() -> None:
    """What the probe finds is published; the error tells that nothing could follow from it."""
    watch = unmapped()
    turn = turns(watch)
    turn.take()
    watch.circuits.hook = lost
    before = watch.metrics.flushes
    with pytest.raises(LedgerError):
        turn.take()

    assert before + 1 == watch.metrics.flushes


def test_probing_goes_on_after_any_error_until_the_stop(caplog: pytest.LogCaptureFixture) -> None:
    """What failed is reported and tried again a minute later."""
    watch = unmapped()
    errors = [LedgerError("the table is gone"), ZeroDivisionError("nobody foresaw this")]

    def odd(_operation: str) -> None:
        if len(waits) < len(errors):
            raise errors[len(waits)]

    waits: list[float] = []
    watch.circuits.hook = odd

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 3

    keep_probing(turns(watch), wait, 60)

    assert [60, 60, 60] == waits
    assert watch.circuits.circuit.revision
    assert ["WARNING", "ERROR"] == [
        record.levelname for record in caplog.records if "the sentinel failed" in record.message
    ]


def test_an_operator_holds_workers_and_hands_them_back() -> None:
    """The circuit's state alone holds them."""
    watch = unmapped()
    switch, source = watch.switch(), CircuitSource(CONFIG, watch.circuits)
    turns(watch).take()
    enabled = []
    for mode in (Mode.OPEN, Mode.AUTO, Mode.CLOSED):
        switch.set(mode)
        watch.run()
        enabled.append((switch.enabled(), source.read().enabled))

    assert [(False, False), (True, True), (True, True)] == enabled


def test_opening_without_the_ledger_does_not_pretend() -> None:
    """There is nothing else that workers follow: the operator is told that they go on."""
    watch = unmapped()
    watch.circuits.hook = lost
    with pytest.raises(MappingError, match=r"stop them by hand.*the table is gone") as caught:
        watch.switch().set(Mode.OPEN)

    assert "disabled" not in str(caught.value)
