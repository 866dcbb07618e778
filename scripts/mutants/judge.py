"""Which survivors are equivalent: they do what the code does, so that no test can tell them apart."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.mutants.mutations import Mutant, flat

LIST = Path(__file__).with_name("equivalents.toml")


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A change that is accepted, because of ``reason``; ``line``, ``before`` and ``after`` are a mutant's."""

    module: str
    line: str
    before: str
    after: str
    reason: str

    def is_of(self, mutant: Mutant) -> bool:
        """Return whether this is the mutant's change."""
        theirs = mutant.module, mutant.line, flat(mutant.before), flat(mutant.after)
        return theirs == (self.module, self.line, self.before, self.after)


def equivalents() -> list[Equivalent]:
    """Return the list of accepted changes."""
    return [Equivalent(**entry) for entry in tomllib.loads(LIST.read_text()).get("equivalent", [])]


def faults(
    everything: Sequence[Mutant], drawn: Sequence[Mutant], survivors: Sequence[Mutant], known: Sequence[Equivalent]
) -> list[str]:
    """Return what is wrong: survivors that are not in the list, and its entries for no mutant or a killed one."""
    wrong = []
    for mutant in survivors:
        reasons = [entry.reason for entry in known if entry.is_of(mutant)]
        print(f"{mutant}\n    equivalent: {reasons[0]}" if reasons else f"{mutant}\n    NO TEST NOTICES")
        if not reasons:
            wrong.append(f"no test notices: {mutant}")
    killed = [mutant for mutant in drawn if mutant not in survivors]
    for entry in known:
        if not any(entry.is_of(mutant) for mutant in everything):
            wrong.append(f"{LIST.name} names a change that there is no more: {entry}")
        elif any(entry.is_of(mutant) for mutant in killed):
            wrong.append(f"{LIST.name} names a change that a test notices: {entry}")
    return wrong
