"""Rules that the repository itself keeps: its files, its documents, its lock and its CI."""

import ast
import pkgutil
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from windrow.cli.root import run
from windrow.settings import AGGREGATE, PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]

# Written in pieces, so that this file keeps the rule that it checks.
REGISTRY_HOSTS = [
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("proxy", "golang", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("npmjs", "org"),
        ("registry", "terraform", "io"),
        ("crates", "io"),
        ("deb", "debian", "org"),
    )
]
MACHINE_PATH = re.compile(r"""(?<![\w.$~{}%/-])/(?:root|work|home|tmp|Users)/\w+""")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
SHELL_LANGUAGES = ("console", "sh", "bash", "shell")


@cache
def tracked_files() -> list[Path]:
    """Return the files that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@cache
def documents() -> list[Path]:
    """Return the Markdown files that people read."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def living_documents() -> list[Path]:
    """Return those that tell of the present, not of what was."""
    return [path for path in documents() if path.parent.name != "decisions" and path.name != "CHANGELOG.md"]


def shell_lines(text: str) -> Iterator[str]:
    """Yield the commands of a document: lines of its shell blocks and its inline code."""
    for language, body in FENCE.findall(text):
        if language in SHELL_LANGUAGES:
            yield from (line.strip().removeprefix("$ ") for line in body.splitlines())
    yield from INLINE_CODE.findall(FENCE.sub("", text))


def commands_in_documents() -> dict[str, set[str]]:
    """Return each `windrow` command with its subcommand that a document names, and the options named with it."""
    found: dict[str, set[str]] = {}
    for document in documents():
        for line in shell_lines(document.read_text()):
            if match := re.match(r"windrow ((?:archive |circuit |dlq |ledger )?[a-z]+)(?![\w/.-])([^#|;&]*)", line):
                found.setdefault(match[1], set()).update(re.findall(r"(?<!\S)--[a-z-]+", match[2]))
    return found


def make_targets() -> set[str]:
    """Return the targets of the Makefile that have a help line."""
    return set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def project() -> dict[str, Any]:
    """Return the `project` table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


@pytest.mark.needs("git")
def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    """No tracked file holds a package registry's host name or an absolute path of somebody's machine."""
    faults = []
    for path in tracked_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        # Terraform's lock files call a provider by its whole address, host and all.
        hosts = [] if path.name == ".terraform.lock.hcl" else REGISTRY_HOSTS
        faults += [f"{path.relative_to(ROOT)}: {host}" for host in hosts if host in text]
        faults += [f"{path.relative_to(ROOT)}: {found}" for found in MACHINE_PATH.findall(text)]
    assert [] == faults


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link in a document names a file or folder that exists."""
    broken = []
    for document in documents():
        for target in LINK.findall(FENCE.sub("", document.read_text())):
            if "://" in target or target.startswith(("#", "mailto:")):
                continue
            if not (document.parent / target.partition("#")[0]).exists():
                broken.append(f"{document.relative_to(ROOT)}: {target}")
    assert [] == broken


def test_every_page_is_listed() -> None:
    """The start page of the documentation and the README link every other page, and the list of records."""
    folder = ROOT / "docs"
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"} | {"decisions/README.md"}
    assert pages == set(LINK.findall((folder / "README.md").read_text()))
    assert set() == {f"docs/{page}" for page in pages} - set(LINK.findall((ROOT / "README.md").read_text()))


def test_documents_name_existing_make_targets() -> None:
    """Every `make TARGET` that a document names is in the Makefile."""
    named = {
        target
        for document in documents()
        for line in shell_lines(document.read_text())
        for target in re.findall(r"^make ([a-z][a-z0-9-]*)", line)
    }
    assert {"demo", "test"} <= named
    assert set() == named - make_targets()


def test_hooks_and_ci_use_existing_make_targets() -> None:
    """The pre-commit hooks and .ci/run call targets that exist, the bare form first; the workflow calls .ci/run."""
    hooks = re.findall(r"entry: make --no-print-directory (\S+)", (ROOT / ".pre-commit-config.yaml").read_text())
    loop = re.search(r"for target in ([a-z -]+);", (ROOT / ".ci/run").read_text())
    assert loop is not None
    assert {"lint", "types", "layers"} == set(hooks)
    assert ["test-bare", "tools", "test-all"] == loop[1].split()[:3]
    assert {*hooks, "checkov"} == set(loop[1].split()[3:])
    assert set() == set(loop[1].split()) - make_targets()
    assert "- run: .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text()


def test_documents_name_some_commands() -> None:
    """The commands that the next test runs were found at all."""
    assert {"demo", "up", "run", "archive verify"} <= commands_in_documents().keys()


@pytest.mark.parametrize("command", sorted(commands_in_documents()))
def test_documented_commands_exist(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` of every command that a document names succeeds and has the options named with it."""
    for name, value in {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    code = run([*command.split(), "--help"])
    printed = capsys.readouterr()
    assert (0, "") == (code, printed.err)
    assert f"{command} [OPTIONS]" in printed.out
    assert set() == commands_in_documents()[command] - set(re.findall(r"--[a-z-]+", printed.out))


def test_readme_lists_every_setting_with_its_default() -> None:
    """The settings table of the README holds each setting once, with the default that the code has."""
    rows = re.findall(r"^\| `(WINDROW_\w+)` \| (.*?) ?\|", (ROOT / "README.md").read_text(), re.MULTILINE)
    defaults = Settings()
    expected = {
        PREFIX + name.upper(): "*required*" if name in AGGREGATE else shown(getattr(defaults, name))
        for name in Settings.__struct_fields__
    }
    assert len(expected) == len(rows)
    assert expected == dict(rows)


def shown(default: object) -> str:
    """Return how the README shows a default."""
    return f"`{default}`" if default else ""


def test_modules_and_names_that_are_written_about_exist() -> None:
    """In documents and docstrings; so that what was renamed is renamed there as well."""
    sources = [*(ROOT / "src").rglob("*.py"), *living_documents()]
    written = {name for path in sources for name in re.findall(r"`(windrow(?:\.\w+)+)", path.read_text())}
    assert len(written) > 20
    assert [] == sorted(name for name in written if not _exists(name))


def test_files_that_are_written_about_exist() -> None:
    """Below the root, the package or the tests."""
    roots = [ROOT, ROOT / "src/windrow", ROOT / "tests", ROOT / "tests/unit"]
    written = {
        name
        for path in living_documents()
        for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)(?:::\w+)?`", path.read_text())
    }
    assert len(written) > 20
    assert [] == sorted(name for name in written if not any((root / name).is_file() for root in roots))


def _exists(name: str) -> bool:
    """Return whether a dotted name is a module, or what a module has."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_every_decision_is_listed() -> None:
    """The index of decision records links each record, and each record starts with its own number."""
    folder = ROOT / "docs/decisions"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert records == re.findall(r"^\| \[\d{4}\]\(([^)]+)\) \|", (folder / "README.md").read_text(), re.MULTILINE)
    numbers = [int((folder / name).read_text().removeprefix("# ").partition(".")[0]) for name in records]
    assert [int(name[:4]) for name in records] == numbers


def test_decisions_are_numbered_in_order_but_for_the_gaps_that_are_said() -> None:
    """One number a record, its title under the same."""
    folder = ROOT / "docs/decisions"
    numbers = [int(path.name[:4]) for path in sorted(folder.glob("[0-9]*.md"))]
    titled = [int(path.read_text().removeprefix("# ").partition(".")[0]) for path in sorted(folder.glob("[0-9]*.md"))]
    said = re.search(r"Numbers (\d+) to (\d+) and (\d+) were never given", (folder / "README.md").read_text())

    assert said
    first, last, single = map(int, said.groups())
    assert [*range(1, first), *range(last + 1, single), *range(single + 1, numbers[-1] + 1)] == numbers == titled


@pytest.mark.needs("git")
def test_requirements_that_are_cited_are_written_down() -> None:
    """With tests that there are."""
    page = (ROOT / "docs/requirements.md").read_text()
    rows = re.findall(r"^\| ((?:REQ|NFR|OPS)-\d\d) \|.*\| (.+) \|$", page, re.MULTILINE)
    sources = [path for path in tracked_files() if path.suffix in (".py", ".md", ".tf", ".json", ".html")]
    cited = {name for path in sources for name in re.findall(r"\b(?:REQ|NFR|OPS)-\d\d\b", path.read_text())}
    tests = [name for _, shown in rows for name in re.findall(r"`([\w/]+\.py)`", shown)]

    assert cited == {name for name, _ in rows}
    assert [] == [name for name in tests if not (ROOT / "tests" / name).is_file()]
    assert all(re.search(r"`|\]\(", shown) for _, shown in rows)


def test_the_way_to_thirty_behaviours_is_shown() -> None:
    """To modules that there are, and by every package but what only starts or shows."""
    package = ROOT / "src/windrow"
    rows = re.findall(r"^\| (.+) \| (`.+`) \|$", (ROOT / "docs/find-your-way.md").read_text(), re.MULTILINE)
    shown = [name for _, names in rows for name in re.findall(r"`([^`]+)`", names)]

    assert len({behaviour for behaviour, _ in rows}) >= 30
    assert [] == [name for name in shown if not (package / name).is_file()]
    assert {"archives", "clients", "core", "operations", "pipeline", "worker"} <= {
        name.partition("/")[0] for name in shown
    }


def test_changelog_has_a_place_for_the_next_release() -> None:
    """The changelog has an Unreleased section before any version."""
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert "Unreleased" == headings[0]


def test_lock_satisfies_the_project() -> None:
    """Every requirement in pyproject.toml is locked, at a version that it allows."""
    table = project()
    extras = table["optional-dependencies"]
    required = [*table["dependencies"], *(line for lines in extras.values() for line in lines)]
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;]+)", lock, re.MULTILINE))
    faults = []
    for requirement in map(Requirement, required):
        if requirement.name == table["name"]:
            continue
        version = locked.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version):
            faults.append(f"{requirement}: locked {version}")
    assert [] == faults


def test_one_module_knows_the_folders_at_the_destination() -> None:
    """No other spells one, so that whoever skips or deletes them means the same."""
    package = ROOT / "src/windrow"
    spelt = [str(path.relative_to(package)) for path in package.rglob("*.py") if ".windrow-" in path.read_text()]
    assert ["core/keys.py"] == spelt


def test_policy_reads_no_clock() -> None:
    """Core and pipeline never ask for the present time; it is passed in."""
    package = ROOT / "src/windrow"
    modules = [*(package / "core").rglob("*.py"), *(package / "pipeline").rglob("*.py")]
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("now", "utcnow", "today")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("datetime", "date")
    ]
    assert [] == calls
