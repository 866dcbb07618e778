"""What load to generate: phases of a steady rate, and an outage of the destination. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from windrow.core.errors import SettingsError
from windrow.lab.stack.servers import Servers


class Phase(msgspec.Struct, frozen=True):
    """So many uploads a second for so many seconds."""

    rate: float
    seconds: float

    @property
    def count(self) -> int:
        """How many uploads that makes."""
        return round(self.rate * self.seconds)


class Interval(msgspec.Struct, frozen=True):
    """A stretch of the run, in seconds from its start."""

    start_s: float
    seconds: float

    @property
    def end_s(self) -> float:
        """Its end."""
        return self.start_s + self.seconds


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One load test. ``size`` is bytes a file, ``window_s`` the batching window."""

    rate: float = 10.0
    seconds: float = 600.0
    bursts: tuple[Phase, ...] = ()
    outage: Interval | None = None
    size: int = 100_000
    window_s: int = 60
    servers: Servers = "ministack"

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The steady load, cut into equal parts with one burst between each two."""
        part = Phase(self.rate, self.seconds / (len(self.bursts) + 1))
        return (part, *(phase for burst in self.bursts for phase in (burst, part)))

    @property
    def duration_s(self) -> float:
        """How long uploads go on."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def count(self) -> int:
        """How many files are uploaded."""
        return sum(phase.count for phase in self.phases)

    def due(self) -> Iterator[float]:
        """Yield when each upload is due, in seconds from the start, whether those before it are done or not."""
        start_s = 0.0
        for phase in self.phases:
            yield from (start_s + number / phase.rate for number in range(phase.count))
            start_s += phase.seconds


PROFILES = {
    "baseline": Plan(),
    "peak": Plan(rate=100.0, seconds=300.0),
    "burst": Plan(seconds=240.0, bursts=(Phase(100.0, 120.0),)),
    "outage": Plan(seconds=480.0, outage=Interval(80.0, 240.0)),
}
"""The rates of NFR-05: 10 files/s, 100 files/s, one rising to the other and back, and NFR-04's outage, shortened."""


def parse_bursts(texts: Sequence[str]) -> tuple[Phase, ...]:
    """Return the phases that ``RATE:SECONDS`` texts describe. Raises `SettingsError`."""
    return tuple(Phase(*_pair(text, "--burst", "RATE:SECONDS")) for text in texts)


def parse_outage(text: str) -> Interval:
    """Return the outage that ``START:SECONDS`` describes. Raises `SettingsError`."""
    return Interval(*_pair(text, "--outage", "START:SECONDS"))


def checked(plan: Plan) -> Plan:
    """Return the plan if it can be carried out. Raises `SettingsError`."""
    if not plan.count:
        raise SettingsError("this plan uploads no file: raise --rate or --seconds")
    if plan.outage and plan.outage.end_s > plan.duration_s:
        raise SettingsError(
            f"the outage would end {plan.outage.end_s:g} s after the start, uploads after {plan.duration_s:g} s already"
        )
    return plan


def _pair(text: str, option: str, form: str) -> tuple[float, float]:
    try:
        first, second = (float(part) for part in text.split(":"))
    except ValueError:
        raise SettingsError(f"{option} takes {form}, not {text!r}") from None
    if not (0 < first < 1e6 and 0 < second < 1e6):  # noqa: PLR2004 - eleven days
        raise SettingsError(f"{option} takes two numbers over 0 and below a million, not {text!r}")
    return first, second


def command(profile: str, plan: Plan) -> str:
    """Return the command that carries this plan out: the profile, and what differs from it."""
    usual = PROFILES[profile]
    parts = [f"windrow load --profile {profile}"]
    parts += [
        f"--{option} {getattr(plan, name):g}"
        for option, name in (("rate", "rate"), ("seconds", "seconds"), ("size", "size"), ("window", "window_s"))
        if getattr(plan, name) != getattr(usual, name)
    ]
    if plan.bursts != usual.bursts:
        parts += [f"--burst {burst.rate:g}:{burst.seconds:g}" for burst in plan.bursts]
    if plan.outage and plan.outage != usual.outage:
        parts.append(f"--outage {plan.outage.start_s:g}:{plan.outage.seconds:g}")
    if plan.servers != usual.servers:
        parts.append(f"--servers {plan.servers}")
    return " ".join(parts)
