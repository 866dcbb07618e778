"""Four days without the destination, in seconds: 3.4 million files on a clock that is told the time.

It holds the numbers together: the queue's retention, the messages it lets be in flight, the receives before the
dead-letter queue, the backoff, the circuit breaker's pace, the ledger's memory.
"""

from __future__ import annotations

import pytest

from tests.unit.outage import DAY_S, Outage, Story
from tests.unit.world import World
from windrow.core.backoff import FIRST_REDELIVERY_S, MAX_REDELIVERY_S, redelivery_delay_s
from windrow.lab.stack.provision import MAX_RECEIVES, QUEUE_RETENTION_S
from windrow.settings import _BOUNDS, Settings

OUTAGE_S = 4 * DAY_S
"""NFR-04."""
FILES = OUTAGE_S * 10


@pytest.fixture(scope="module", params=[True, False], ids=["a mapping", "workers without one"])
def outage(request: pytest.FixtureRequest) -> Outage:
    """Return what is left of four days with the circuit breaker, of a mapping and of workers without one."""
    played = Outage(outage_s=OUTAGE_S, retention_s=QUEUE_RETENTION_S, circuit=True, mapped=request.param)
    played.run()
    return played


@pytest.fixture
def with_circuit(outage: Outage) -> Story:
    """Return what happened in them."""
    return outage.story


@pytest.fixture(scope="module")
def without_circuit() -> Story:
    """Return what happens if only backoff holds messages back."""
    return Outage(outage_s=OUTAGE_S, retention_s=QUEUE_RETENTION_S, circuit=False).run()


def test_four_days_lose_nothing(with_circuit: Story, outage: Outage) -> None:
    """Every file is in the archives once: no message was too old when its turn came, none was received too often."""
    assert with_circuit.sent >= FILES == 3_456_000
    assert (0, 0) == (with_circuit.expired, with_circuit.dead)
    assert with_circuit.sent == with_circuit.delivered
    outage.world.assert_each_once()


def test_the_oldest_message_is_delivered_well_before_its_retention_ends(with_circuit: Story) -> None:
    """Half a day is left for a drain that starts late."""
    assert with_circuit.oldest_at_delivery_s + DAY_S / 2 < QUEUE_RETENTION_S


def test_the_circuit_opens_within_four_minutes_and_closes_within_two(with_circuit: Story) -> None:
    """Two failed probes a minute apart open it, one good one closes it; Lambda follows within a minute."""
    assert 0 < with_circuit.opened_after_s <= 240
    assert OUTAGE_S < with_circuit.closed_after_s <= OUTAGE_S + 120


def test_with_the_circuit_a_message_is_received_a_few_times(with_circuit: Story) -> None:
    """Only those that came before it opened, and these at the pace of the backoff."""
    assert with_circuit.most_receives <= 8
    assert with_circuit.receives_in_outage < FILES / 100


def test_backoff_alone_spares_the_dead_letter_queue_no_longer_than_a_day() -> None:
    """A hundred receives are used up after 12 to 24 hours; this is one reason for a circuit breaker."""

    def hours(jitter: float) -> float:
        return round(
            sum(redelivery_delay_s(receives, lambda: jitter) for receives in range(1, MAX_RECEIVES + 1)) / 3600, 1
        )

    assert [11.8, 17.7, 23.6] == [hours(0.0), hours(0.5), hours(1.0)]


def test_without_the_circuit_nothing_vanishes_either(without_circuit: Story) -> None:
    """Each message is delivered or in the dead-letter queue, from where it can be sent back."""
    assert 0 == without_circuit.expired
    assert without_circuit.sent == without_circuit.delivered + without_circuit.dead


def test_without_the_circuit_receives_are_many_but_bounded(without_circuit: Story, with_circuit: Story) -> None:
    """SQS lets 120,000 messages be in flight, and a hidden one is: that alone bounds the pace in a long outage."""
    assert without_circuit.receives_in_outage > 100 * with_circuit.receives_in_outage
    assert without_circuit.most_receives <= MAX_RECEIVES
    assert without_circuit.receives_in_outage <= 120_000 * OUTAGE_S / (MAX_REDELIVERY_S / 2)


def test_backoff_doubles_to_its_limit_and_never_spins() -> None:
    """Whatever the jitter, a failed message stays away for 5 s at least and 15 minutes at most."""
    longest = [redelivery_delay_s(receives, lambda: 1.0) for receives in range(1, 12)]
    shortest = [redelivery_delay_s(receives, lambda: 0.0) for receives in range(1, MAX_RECEIVES + 1)]

    assert [10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900] == longest
    assert FIRST_REDELIVERY_S // 2 == min(shortest)
    assert MAX_REDELIVERY_S // 2 == max(shortest)


def test_the_ledger_remembers_longer_than_the_queue() -> None:
    """A duplicate that waited in the queue, among the dead letters, and redriven once more, is still recognised."""
    life_s = QUEUE_RETENTION_S + 14 * DAY_S + QUEUE_RETENTION_S

    assert life_s < _BOUNDS["ledger_ttl_days"][0] * DAY_S
    assert life_s < Settings().ledger_ttl_days * DAY_S


def test_a_lease_from_before_the_outage_is_over_when_it_ends() -> None:
    """A worker that died at the first minute of the outage left its files to whoever comes after it."""
    world = World()
    source = world.upload("a")
    message = world.message(source)

    def die(operation: str) -> None:
        if operation == "put":
            raise KeyboardInterrupt

    world.destination.hook = die
    with pytest.raises(KeyboardInterrupt):
        world.process(message, run_s=60)
    claimed = world.ledger.items[source.object_id]
    world.destination.hook = lambda _: None
    world.clock.advance(OUTAGE_S)

    assert claimed.lease_until < world.clock.now().timestamp()
    assert [] == world.process(message)
    world.assert_each_once()
