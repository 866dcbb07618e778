"""The verdict over a campaign, for machines and for people."""

from __future__ import annotations

import msgspec

from bench.faults.verification import Verification
from bench.machine import Machine


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict, as ``--json`` prints it. ``faults`` counts those that took effect, by kind.

    ``left_by_poison`` counts the files that were not delivered while the poison still killed; ``shows_secret`` names
    the outputs that show a secret.
    """

    ok: bool
    seed: int
    faults_injected: int
    faults: dict[str, int]
    without_occasion: dict[str, int]
    poison_kills: int
    left_by_poison: int
    verification: Verification
    shows_secret: list[str]
    seconds: float
    drain_seconds: float
    machine: Machine

    def judged(self, shows_secret: list[str]) -> Result:
        """Return the same with what shows a secret, and the verdict.

        A fault may find no precondition now and then; a kind that never took effect proves nothing.
        """
        sound = self.verification.ok and not self.left_by_poison and not shows_secret
        every_kind = self.without_occasion.keys() <= self.faults.keys()
        return msgspec.structs.replace(self, shows_secret=shows_secret, ok=sound and every_kind)


def text(result: Result) -> str:
    """Return what is printed at the end."""
    found = result.verification
    archives = f"{found.archives} archives ({found.empty_archives} empty)"
    letters = f"dead letters: {found.dead_letters or 'none'}"
    return "\n".join(
        [
            f"seed {result.seed}: {result.faults_injected} faults in {result.seconds:.0f} s on {result.machine}",
            *(f"{count:6d}  {kind}" for kind, count in sorted(result.faults.items(), key=lambda item: -item[1])),
            f"{result.poison_kills:6d}  worker killed by a poison object (beside the faults above)",
            *(f"no precondition for {count} x {kind}" for kind, count in result.without_occasion.items()),
            f"{found.files} files in {archives}; the queue drained in {result.drain_seconds:.0f} s",
            f"lost {found.lost}, duplicated {found.duplicated}, corrupt {found.corrupt}",
            f"{letters}, not provoked: {len(found.unexplained)}, vanished: {len(found.vanished)}",
            *(f"problem: {problem}" for problem in _problems(result)),
            "ok" if result.ok else "NOT OK",
        ]
    )


def _problems(result: Result) -> list[str]:
    found = result.verification
    counts = {
        "unexpected": found.unexpected,
        "outside their window": found.misplaced,
        "left in the queue": found.waiting,
        "not delivered while there was poison": result.left_by_poison,
    }
    return [
        *found.unsound,
        *found.unexplained,
        *(f"no dead letter for {what}" for what in found.vanished),
        *(f"{count} {name}" for name, count in counts.items() if count),
        *(f"{name} shows a secret" for name in result.shows_secret),
    ]
