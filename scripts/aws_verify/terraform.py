"""Terraform in one folder, which Ctrl-C does not tear from its work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class TerraformError(Exception):
    """A command did not end as it should; the message holds what it said."""


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the user's own Terraform settings, in which loopback needs no proxy."""
    kept = {name: value for name, value in environ.items() if not name.startswith("TF_")}
    return kept | {
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "NO_PROXY": "127.0.0.1,localhost",
    }


@dataclass(frozen=True)
class Terraform:
    """Terraform in one folder. ``plugins`` is a folder that holds the provider; None takes it from its registry."""

    folder: Path
    program: str = "terraform"
    plugins: Path | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def run(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run a command. Raises `TerraformError` with its output unless its exit code is one of ``accept``.

        At Ctrl-C it is told to stop, waits for what it has begun and writes its state; then the interrupt goes on. It
        runs in a session of its own, since a second signal by the terminal would end it at once.
        """
        process = subprocess.Popen(
            [self.program, *arguments],
            cwd=self.folder,
            env=environment(self.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, said = process.communicate()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise
        if process.returncode not in accept:
            where = f"terraform {arguments[0]} in {self.folder.name}: exit {process.returncode}"
            raise TerraformError(f"{where}\n{out}\n{said}")
        return subprocess.CompletedProcess([self.program, *arguments], process.returncode, out, said)

    def init(self, *arguments: str) -> Terraform:
        """Find the provider and the modules."""
        here = [f"-plugin-dir={self.plugins}"] if self.plugins else []
        self.run("init", "-no-color", *here, *arguments)
        return self

    def outputs(self) -> dict[str, Any]:
        """Return the values of the outputs."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json").stdout).items()}

    def known(self) -> set[str]:
        """Return every text in the state: names, ids and ARNs of what was made, among others; none without a state."""
        state = self.folder / "terraform.tfstate"
        try:
            return set(_texts(json.loads(state.read_text())))
        except (FileNotFoundError, ValueError):
            return set()


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]
