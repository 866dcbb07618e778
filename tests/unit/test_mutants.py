"""The tool behind `make mutants`: which changes it makes, and that its list of accepted ones is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.mutants.__main__ import SCOPES, draw, modules, required_tests
from scripts.mutants.judge import Equivalent, equivalents, faults
from scripts.mutants.mutations import Mutant, flat, mutants
from scripts.mutants.trial import ROOT, SOURCE

MODULE = '''\
"""A module."""

from windrow.core.errors import LandingError

_log = None
LIMIT = 8

def first(items: list[int], most: int = 3) -> int:
    for item in items:
        if item and item < LIMIT:
            _log.info("found")
            return item
    raise LandingError(f"none of {len(items)} items")
'''


@pytest.fixture
def made(tmp_path: Path) -> list[Mutant]:
    """What becomes of the module."""
    (tmp_path / "module.py").write_text(MODULE)
    return [mutant for mutant in mutants(tmp_path, "module.py") if mutant.compiles()]


def test_constants_conditions_loops_and_returns_are_changed(made: list[Mutant]) -> None:
    """At the level of the module too, where most limits stand."""
    changes = {(mutant.number, mutant.before, mutant.after) for mutant in made}
    assert {
        (6, "8", "9"),
        (6, "8", "7"),
        (8, "3", "4"),
        (9, "items", "()"),
        (10, "item < LIMIT", "item <= LIMIT"),
        (10, "item and item < LIMIT", "item or item < LIMIT"),
        (10, "item and item < LIMIT", "not (item and item < LIMIT)"),
        (12, "return item", "return None"),
    } <= changes


def test_what_is_only_said_is_not_changed(made: list[Mutant]) -> None:
    """Log lines, the words of errors, annotations and docstrings; the error itself is."""
    assert set() == {mutant.number for mutant in made} & {1, 11}
    assert ["None"] == [mutant.after for mutant in made if mutant.number == 13]
    assert {"3"} == {mutant.before for mutant in made if mutant.number == 8}


def test_a_mutant_is_the_module_with_one_change(made: list[Mutant]) -> None:
    """Whatever stands on other lines stays, and so does a mutant's identity when other lines change."""
    (mutant,) = (mutant for mutant in made if mutant.after == "()")
    assert MODULE.replace("in items:", "in ():") == mutant.source.decode()


def test_a_draw_keeps_to_its_seed_and_to_what_did_not_change(made: list[Mutant]) -> None:
    """One more mutant takes at most one place in the sample."""
    fewer = made[1:]
    assert list(draw(made, 1, 5)) == list(draw(list(reversed(made)), 1, 5))
    assert len(set(draw(made, 1, 5)) & set(draw(fewer, 1, 5))) >= 4
    assert list(draw(made, 1, 5)) != list(draw(made, 2, 5))


def test_only_survivors_in_the_list_are_accepted(made: list[Mutant]) -> None:
    """An entry for a mutant that is killed, or for none at all, is a fault as well."""
    first, second, *_ = made
    known, killed, gone = (
        Equivalent(mutant.module, mutant.line, flat(mutant.before), after, "because")
        for mutant, after in ((first, first.after), (second, second.after), (first, "another"))
    )
    assert [] == faults(made, made, [first], [known])
    assert [f"no test notices: {second}"] == faults(made, made, [first, second], [known])
    assert 2 == len(faults(made, made, [first], [known, killed, gone]))


def test_each_module_has_tests_that_are_there() -> None:
    """Its own first where it has some; and every module is in one scope only."""
    found = {scope: modules(scope) for scope in SCOPES}
    for scope, paths in found.items():
        for module in paths:
            assert all((ROOT / test).exists() for tests in required_tests(module, scope) for test in tests)
    assert ("tests/unit/core/test_planning.py",) in required_tests("windrow/core/planning.py", "core and pipeline")
    assert {"windrow/core/archive/tar.py", "windrow/pipeline/aggregator.py", "windrow/pipeline/gate.py"} <= {
        *found["core and pipeline"]
    }


def test_accepted_changes_can_still_be_made() -> None:
    """Each entry of the list is a change of the code as it is, and gives its reason."""
    listed = equivalents()
    changes = {module: list(mutants(SOURCE, module)) for module in {entry.module for entry in listed}}
    assert [] == [entry for entry in listed if not any(map(entry.is_of, changes[entry.module])) or not entry.reason]
