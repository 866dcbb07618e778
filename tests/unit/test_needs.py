"""The marker ``needs``, in small test runs of its own."""

from __future__ import annotations

import pytest

from tests.needs import Needs
from tests.tools import Tool

TOOLS = {name: Tool(f"what {name} does", f"make {name}", str) for name in ("saw", "plane", "glue")}
ABSENT = {"saw": "is not installed", "glue": "is dry"}
TESTS = """
import pytest

@pytest.mark.needs("saw")
def test_saw(): ran.append("saw")

@pytest.mark.needs("plane")
def test_plane(): ran.append("plane")

@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.needs("glue")), 3])
def test_parts(number): ran.append(number)

@pytest.mark.needs("plane", "saw")
class TestBoth:
    def test_both(self): ran.append("both")

@pytest.fixture
def fails(): raise RuntimeError("the fixture of a skipped test was made")

@pytest.mark.needs("glue")
def test_fixture(fails): ran.append("fixture")

@pytest.mark.skip(reason="of another kind")
def test_other(): ran.append("other")

ran = []
def test_ran(): assert ["plane", 1, 3] == ran
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> pytest.Pytester:
    """Prepare a folder with tests."""
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]\nmarkers = needs(*tools)\naddopts = --strict-markers -p no:cacheprovider")
    return pytester


def needs() -> Needs:
    """Return the plugin with tools of its own, two of them absent."""
    return Needs(TOOLS, lambda name: ABSENT.get(name, ""))


@pytest.fixture(autouse=True)
def _nothing_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this run itself requires."""
    monkeypatch.delenv("REQUIRE_ALL", raising=False)


def test_absent_tools_skip_and_are_told_a_line_each(run: pytest.Pytester) -> None:
    """Their tests do not run, nor their fixtures; every other test does."""
    result = run.inline_run(plugins=[needs()])
    result.assertoutcome(passed=4, skipped=5)


def test_summary_has_a_line_for_each_absent_tool(
    run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not tested, how many tests, how to get the tool; then what was skipped for other reasons."""
    run.inline_run(plugins=[needs()])
    told = capsys.readouterr().out.partition("- skipped -")[2].partition("\n")[2].partition("\n=")[0]
    assert [
        "Skipped: of another kind (1 skipped)",
        "glue is dry: without what glue does; to get it: make glue (2 skipped)",
        "saw is not installed: without what saw does; to get it: make saw (2 skipped)",
    ] == told.splitlines()


def test_all_required_is_a_failure(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With REQUIRE_ALL=1 a test that would be skipped for a tool fails instead, and says what to do."""
    monkeypatch.setenv("REQUIRE_ALL", "1")
    result = run.inline_run(plugins=[needs()])
    failed = [str(report.longrepr) for report in result.getreports("pytest_runtest_logreport") if report.failed]
    assert 4 == len(failed)
    assert {"saw is not installed; to get it: make saw", "glue is dry; to get it: make glue"} == set(failed)
    result.assertoutcome(passed=4, failed=4, skipped=1)


def test_unknown_tool_is_refused(pytester: pytest.Pytester) -> None:
    """A slip of the pen must not skip, nor run, anything."""
    pytester.makepyfile("import pytest\n@pytest.mark.needs('sow')\ndef test_it(): pass")
    assert pytest.ExitCode.USAGE_ERROR == pytester.inline_run(plugins=[needs()]).ret
