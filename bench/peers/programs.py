"""Builds the Go programs that the benchmarks compare with, once, into the user's cache folder.

Neither is packaged for every system, and `go install` of the pinned versions fails on their own `replace` lines. A
small module that requires them can be built.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from string import Template

from windrow.lab.stack.programs import tools_cache

HOW_TO_GET = "make bench-peers (needs Go; about 4 minutes once)"

_GO_MOD = Template("module windrow.invalid/peer\n\ngo 1.24\n\nrequire $module $version\n")

_BENTO_MAIN = """\
package main

import (
\t"context"

\t_ "github.com/warpstreamlabs/bento/public/components/aws"
\t_ "github.com/warpstreamlabs/bento/public/components/io"
\t_ "github.com/warpstreamlabs/bento/public/components/pure"
\t"github.com/warpstreamlabs/bento/public/service"
)

func main() { service.RunCLI(context.Background()) }
"""

_S5CMD_TOOLS = """\
//go:build tools

package tools

import _ "github.com/peak/s5cmd/v2"
"""


@dataclass(frozen=True)
class Program:
    """A Go program: the module and version to require, one source file, and the package to build."""

    name: str
    module: str
    version: str
    source: str
    package: str

    @property
    def built(self) -> Path:
        """Where the built program is; another version has another file."""
        return cache_folder() / f"{self.name}-{self.version}"

    def find(self) -> Path | None:
        """Return the program of exactly this version, None if it was not built."""
        return self.built if os.access(self.built, os.X_OK) else None

    def build(self) -> None:
        """Build it; a build that fails or is interrupted leaves nothing behind.

        Raises:
            SystemExit: there is no Go.
            subprocess.CalledProcessError: the build failed; Go has said why.
        """
        if self.find():
            return
        if shutil.which("go") is None:
            raise SystemExit(f"{self.name}: needs Go to build")
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="build.") as folder:
            module = Path(folder)
            (module / "go.mod").write_text(_GO_MOD.substitute(module=self.module, version=self.version))
            (module / "main.go").write_text(self.source)
            subprocess.run(
                ["go", "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", "peer", self.package],
                cwd=module,
                check=True,
            )
            (module / "peer").replace(self.built)


BENTO = Program("bento", "github.com/warpstreamlabs/bento", "v1.17.0", _BENTO_MAIN, ".")
S5CMD = Program("s5cmd", "github.com/peak/s5cmd/v2", "v2.3.0", _S5CMD_TOOLS, "github.com/peak/s5cmd/v2")


def cache_folder() -> Path:
    """Return the folder for built peers."""
    return tools_cache() / "bench"
