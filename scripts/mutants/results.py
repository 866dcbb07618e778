"""What the trials showed, kept in a file while neither code nor tests change."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from scripts.mutants.mutations import Mutant
from scripts.mutants.trial import ROOT, Tests

FILE = ROOT / "build" / "mutants.json"
FOLDERS = ("src", "tests", "scripts/mutants")

KILLED, SURVIVED, SURVIVED_OWN = "killed", "survived", "survived its own tests"


class Results:
    """The results of this code and these tests; of others, only what survived."""

    def __init__(self) -> None:
        held: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"ended": {}}
        tree = _digest()
        self._before: dict[str, str] = held["ended"]
        self._held: dict[str, Any] = held if held.get("tree") == tree else {"tree": tree, "ended": {}, "baselines": {}}

    def of(self, mutant: Mutant, *, own: bool) -> str | None:
        """Return how the mutant ended; None if it was not tried, or not with all the tests that are asked for."""
        ended: str | None = self._held["ended"].get(mutant.identity)
        return None if ended == SURVIVED_OWN and not own else ended

    def survived_before(self, mutant: Mutant) -> bool:
        """Return whether it survived the last time, whatever has changed since."""
        return self._before.get(mutant.identity, KILLED) != KILLED

    def keep(self, mutant: Mutant, *, survived: bool, own: bool) -> None:
        """Keep the result of a mutant's trial with all tests of its scope, or with its ``own`` only."""
        self._held["ended"][mutant.identity] = (SURVIVED_OWN if own else SURVIVED) if survived else KILLED
        self._write()

    def baseline(self, tests: Tests) -> float | None:
        """Return the CPU seconds that the tests take of the code as it is, None when they were not measured."""
        seconds: float | None = self._held["baselines"].get(" ".join(tests))
        return seconds

    def keep_baseline(self, tests: Tests, cpu_s: float) -> None:
        """Keep what tests take of the code as it is."""
        self._held["baselines"][" ".join(tests)] = cpu_s
        self._write()

    def _write(self) -> None:
        FILE.parent.mkdir(exist_ok=True)
        beside = FILE.with_suffix(".new")
        beside.write_text(json.dumps(self._held))
        beside.replace(FILE)


def _digest() -> str:
    """Return a digest of all that a result depends on."""
    digest = sha256()
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()):
        if path.suffix in (".py", ".json", ".txt"):
            digest.update(f"{path.relative_to(ROOT)}\n{sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
