"""Change the code in small ways, one at a time, and see whether its tests notice.

    python -m scripts.mutants              a sample of core and the pipeline, and one of the clients
    python -m scripts.mutants --survivors  only what survived the last time

The sample is drawn by the digest of each change: another change to the code leaves the rest of the sample as it was.
Results are kept in build/mutants.json while neither code nor tests change, so what was interrupted goes on.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path

from scripts.mutants.judge import equivalents, faults
from scripts.mutants.mutations import Mutant, mutants
from scripts.mutants.results import KILLED, Results
from scripts.mutants.trial import SOURCE, Stage, Tests, prepare, trials

PIPELINE_TESTS = ("pipeline",)
SCOPES: dict[str, dict[str, Tests]] = {
    "core and pipeline": {
        "windrow/core/**/*.py": ("core", *PIPELINE_TESTS),
        "windrow/pipeline/*.py": PIPELINE_TESTS,
    },
    "clients": {"windrow/clients/**/*.py": ("clients", "../contract")},
}
"""Which modules are changed, and which tests below tests/unit each mutant gets after those of its own module."""

COUNTS = {"core and pipeline": 200, "clients": 50}
"""How many mutants are drawn."""

BASELINE_CPU_S = 600


def main() -> int:
    """Run what has no result yet; return 1 if a mutant survives that is not known to be equivalent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scope", choices=SCOPES, help="one of them only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, help=f"mutants of a scope instead of {COUNTS}")
    parser.add_argument("--only", default="", metavar="TEXT", help="only modules whose path holds TEXT")
    parser.add_argument("--survivors", action="store_true", help="only what survived the last time")
    parser.add_argument("--own", action="store_true", help="only the tests of a mutant's own module, if it has any")
    parser.add_argument("--at-once", type=int, default=1, metavar="N", help="processes that run tests side by side")
    options = parser.parse_args()
    os.nice(10)
    prepare()
    results, known = Results(), equivalents()
    wrong: list[str] = []
    for scope in [options.scope] if options.scope else SCOPES:
        everything = [m for module in modules(scope) if options.only in module for m in mutants(SOURCE, module)]
        drawn = list(draw(everything, options.seed, options.count or COUNTS[scope]))
        if options.survivors:
            drawn = [mutant for mutant in drawn if results.survived_before(mutant)]
        tests = {module: list(required_tests(module, scope))[: 1 if options.own else None] for module in modules(scope)}
        run([m for m in drawn if not results.of(m, own=options.own)], tests, results, options)
        survivors = [mutant for mutant in drawn if results.of(mutant, own=options.own) != KILLED]
        print(f"{scope}, seed {options.seed}: {len(drawn)} of {len(everything)} mutants, {len(survivors)} survive")
        wrong += faults(everything, drawn, survivors, [e for e in known if e.module in modules(scope)])
    print("\n".join(wrong))
    return 1 if wrong else 0


def modules(scope: str) -> list[str]:
    """Return the paths, below src, of a scope's modules."""
    return sorted(str(path.relative_to(SOURCE)) for pattern in SCOPES[scope] for path in SOURCE.glob(pattern))


def draw(everything: list[Mutant], seed: int, count: int) -> Iterator[Mutant]:
    """Yield ``count`` mutants that compile, as if shuffled."""
    by_lot = sorted(everything, key=lambda mutant: sha256(f"{seed} {mutant.identity}".encode()).digest())
    return islice((mutant for mutant in by_lot if mutant.compiles()), count)


def run(todo: list[Mutant], tests: dict[str, list[Tests]], results: Results, options: argparse.Namespace) -> None:
    """Try each mutant, and keep the result. Raises `SystemExit` when the tests fail on the code as it is."""
    for needed in {each: None for mutant in todo for each in tests[mutant.module]}:
        if results.baseline(needed) is None:
            print(f"measuring {' '.join(needed)}", flush=True)
            (trial,) = trials(iter([(None, [Stage(needed, BASELINE_CPU_S)])]), at_once=1)
            if trial.code:
                sys.exit(f"{trial.output}\nthe tests fail on the code as it is")
            results.keep_baseline(needed, trial.cpu_s)
    jobs = ((mutant, [_stage(needed, results) for needed in tests[mutant.module]]) for mutant in todo)
    for number, trial in enumerate(trials(jobs, at_once=options.at_once), 1):
        if trial.mutant:
            results.keep(trial.mutant, survived=trial.code == 0, own=options.own)
        print(f"{number} of {len(todo)}: {trial.mutant if trial.code == 0 else KILLED}", flush=True)


def _stage(tests: Tests, results: Results) -> Stage:
    """Return the tests with twice the CPU seconds that they need, and five more."""
    return Stage(tests, 5 + 2 * math.ceil(results.baseline(tests) or 0))


def required_tests(module: str, scope: str) -> Iterator[Tests]:
    """Yield the tests that a module's mutants get: its own first, if it has any, then those of its scope."""
    path = Path(module)
    own = Path("tests/unit", *path.parts[1:-1], f"test_{path.name}")
    if own.exists():
        yield (str(own),)
    wide = next(tests for pattern, tests in SCOPES[scope].items() if path in map(_below, SOURCE.glob(pattern)))
    yield tuple(os.path.normpath(f"tests/unit/{tests}") for tests in wide)


def _below(path: Path) -> Path:
    return path.relative_to(SOURCE)


if __name__ == "__main__":
    sys.exit(main())
