"""What `scripts/tools.sh` builds, and when it builds it again; a script stands for Go."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
SHELL = ("bash", "sh", "cat", "chmod", "cp", "dirname", "mkdir", "mktemp", "mv", "rm", "sed")
GO = """#!/bin/sh
echo "$2" >>"$ASKED"
package=${2%@*}
echo built >"$GOBIN/${package##*/}"
chmod 755 "$GOBIN/${package##*/}"
"""
GO_WITH_COPY = """#!/bin/sh
echo "$*" >>"$ASKED"
case $1 in
mod) printf '{\\n\\t"Path": "p",\\n\\t"Dir": "%s",\\n\\t"Sum": "s"\\n}\\n' "$HOME/module" ;;
build)
    while [ "$1" != -o ]; do shift; done
    echo changed >>go.mod && echo built >"$2" && chmod 755 "$2" ;;
esac
"""


class Machine:
    """A copy of the scripts, an empty cache, and a Go that notes what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.scripts = Path(shutil.copytree(SCRIPTS, folder / "scripts"))
        self.cache = folder / "cache"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self._asked = folder / "asked"
        for name in SHELL:
            (self.bin / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name} here"))
        self.executable("go", GO)

    def executable(self, name: str, script: str) -> None:
        """Put a script on PATH."""
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def get(self, *tools: str) -> list[str]:
        """Run ``tools.sh get`` and return the modules that Go was asked for."""
        self._asked.write_text("")
        environ = {"PATH": str(self.bin), "HOME": str(self.cache)}
        subprocess.run(
            [str(self.bin / "bash"), str(self.scripts / "tools.sh"), "get", *tools],
            env=environ | {"XDG_CACHE_HOME": str(self.cache), "ASKED": str(self._asked)},
            check=True,
            capture_output=True,
        )
        return self._asked.read_text().splitlines()

    def pin(self, name: str, version: str) -> None:
        """Change one pin."""
        pins = self.scripts / "pins.sh"
        changed, count = re.subn(
            rf"^readonly {name}=.*$", f"readonly {name}={version}", pins.read_text(), flags=re.MULTILINE
        )
        assert 1 == count
        pins.write_text(changed)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with Go and nothing else."""
    return Machine(tmp_path)


def test_each_tool_is_built_once_from_its_pinned_version(machine: Machine) -> None:
    """The second run finds all of them in the cache."""
    tools = ("minio", "versitygw", "toxiproxy")
    asked = machine.get(*tools)
    assert 3 == len(asked)
    assert [] == [module for module in asked if not re.fullmatch(r"github\.com/[^@]+@v\d+\.\d+\.\d+(-\S+)?", module)]
    assert ["minio", "toxiproxy-server", "versitygw"] == sorted(
        path.name for path in (machine.cache / "windrow/bin").iterdir() if os.access(path, os.X_OK)
    )
    assert [] == machine.get(*tools)


def test_a_changed_pin_builds_that_tool_anew(machine: Machine) -> None:
    """The other tools stay."""
    machine.get("minio", "versitygw")
    machine.pin("VERSITYGW", "v9.9.9")
    assert ["github.com/versity/versitygw/cmd/versitygw@v9.9.9"] == machine.get("minio", "versitygw")
    assert [] == machine.get("minio", "versitygw")


def test_seaweedfs_is_built_in_a_copy_of_its_module(machine: Machine) -> None:
    """Go's own copy can't be written to; and it is built only when it is asked for by name."""
    module = machine.cache / "module"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module\n")
    (module / "go.mod").chmod(0o444)
    machine.executable("go", GO_WITH_COPY)
    asked = machine.get("seaweedfs")

    assert re.fullmatch(r"mod download -json github\.com/seaweedfs/seaweedfs@v0\.0\.0-\d{14}-[0-9a-f]{12}", asked[0])
    assert "built\n" == (machine.cache / "windrow/bin/weed").read_text()
    assert "module\n" == (module / "go.mod").read_text()
    assert ["weed", "weed.built-from"] == sorted(path.name for path in (machine.cache / "windrow/bin").iterdir())
    assert [] == machine.get("seaweedfs")


def test_a_tool_on_path_is_the_users_own(machine: Machine) -> None:
    """Whatever its version, it is not built."""
    machine.executable("toxiproxy-server", "#!/bin/sh\n")
    assert [] == machine.get("toxiproxy")


def test_versions_stand_in_one_place() -> None:
    """No script names a version beside the pins, and none takes whatever is the latest."""
    for script in SCRIPTS.glob("*.sh"):
        if script.name != "pins.sh":
            assert [] == re.findall(r"@latest|[@=]v?\d+\.\d+\.\d+", script.read_text()), script.name
