from __future__ import annotations

import pytest
from msgspec.structs import replace

from windrow.core.errors import SettingsError
from windrow.lab.load.plan import PROFILES, Interval, Phase, Plan, checked, command, parse_bursts, parse_outage


def test_uploads_are_due_evenly() -> None:
    """At 4 a second every upload is due a quarter of a second after the one before it."""
    assert [0.0, 0.25, 0.5, 0.75, 1.0, 1.25] == list(Plan(rate=4, seconds=1.5).due())


def test_burst_comes_in_the_middle() -> None:
    """The steady load is cut in two, its second half begins when the burst is over, and nothing is lost of it."""
    plan = Plan(rate=1, seconds=4, bursts=(Phase(4, 1),))
    assert [0.0, 1.0, 2.0, 2.25, 2.5, 2.75, 3.0, 4.0] == list(plan.due())
    assert (8, 5.0) == (plan.count, plan.duration_s)


def test_bursts_are_spread_over_the_steady_load() -> None:
    """Two bursts have a third of the steady load before, between and after them."""
    burst = Phase(100, 5)
    part = Phase(10, 20)
    assert (part, burst, part, burst, part) == Plan(rate=10, seconds=60, bursts=(burst, burst)).phases


@pytest.mark.parametrize("name", list(PROFILES))
def test_profile_can_be_carried_out(name: str) -> None:
    """Every profile passes its own check, and is due as many uploads as it counts, none after its end."""
    plan = checked(PROFILES[name])
    due = list(plan.due())
    assert plan.count == len(due)
    assert sorted(due) == due
    assert due[-1] < plan.duration_s


def test_profiles_have_the_rates_and_times_of_the_requirement() -> None:
    """10 files/s for 10 minutes and 100 files/s for 5, with 100 kB files and the real window."""
    assert [(6000, 600.0), (30_000, 300.0)] == [
        (PROFILES[name].count, PROFILES[name].duration_s) for name in ("baseline", "peak")
    ]
    assert {(100_000, 60)} == {(plan.size, plan.window_s) for plan in PROFILES.values()}


def test_texts_are_parsed() -> None:
    """Bursts and outages are given as two numbers."""
    assert (Phase(100, 60), Phase(50.5, 1)) == parse_bursts(["100:60", "50.5:1"])
    assert Interval(30, 90) == parse_outage("30:90")
    assert 120 == parse_outage("30:90").end_s


@pytest.mark.parametrize("text", ["", "5", "1:2:3", "a:1", "1:b", "0:5", "5:-1", "nan:1", "1:inf"])
def test_wrong_texts_are_named(text: str) -> None:
    """Anything but two numbers over 0 is an error that quotes it."""
    with pytest.raises(SettingsError, match=r"RATE:SECONDS|two numbers"):
        parse_bursts([text])


def test_plan_without_files_is_refused() -> None:
    """A rate so low that nothing is uploaded is no load test."""
    with pytest.raises(SettingsError, match="uploads no file"):
        checked(Plan(rate=0.1, seconds=1))


def test_outage_must_end_before_the_uploads() -> None:
    """What happens after an outage would not be seen otherwise."""
    assert Plan(seconds=60, outage=Interval(30, 30)) == checked(Plan(seconds=60, outage=Interval(30, 30)))
    with pytest.raises(SettingsError, match="end 61 s after the start"):
        checked(Plan(seconds=60, outage=Interval(30, 31)))


def test_command_names_what_differs_from_the_profile() -> None:
    """The command that a report shows repeats the run."""
    assert "windrow load --profile peak" == command("peak", PROFILES["peak"])
    assert "windrow load --profile peak --servers fast" == command("peak", replace(PROFILES["peak"], servers="fast"))
    plan = Plan(rate=20, seconds=8, bursts=(Phase(100, 2),), outage=Interval(1, 2.5), size=2000, window_s=2)
    assert (
        "windrow load --profile baseline --rate 20 --seconds 8 --size 2000 --window 2 --burst 100:2 --outage 1:2.5"
        == command("baseline", plan)
    )
