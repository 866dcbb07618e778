"""One verification: what is applied under which name, the checks on it, and its end."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from scripts.aws_verify.account import Caller
from scripts.aws_verify.checks import CHECKS, Context
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.inventory import inventory
from scripts.aws_verify.report import Report
from scripts.aws_verify.run import Run
from scripts.aws_verify.setups import REPOSITORY, Aws, Emulated, apply
from scripts.aws_verify.stack import Stack
from scripts.aws_verify.targets import Target, second_bucket
from scripts.aws_verify.terraform import Terraform
from windrow import packaging
from windrow.clients.clock import SystemClock
from windrow.packaging.lock import Platform

MakeTarget = Callable[[Caller, str, Cleanup], Target]
"""Makes the bucket that archives go to, by its name, and notes how it goes again."""


class Verification:
    """A run under a random name, which begins with nothing made.

    ``output`` is the folder that holds Terraform's state until nothing is left, ``suites`` are the contract suites to
    run, ``say`` is told how it goes on, ``plugins`` is where the provider is, if not in its registry. What is applied
    follows from where ``root`` is, unless ``kind`` says it.
    """

    def __init__(
        self,
        root: Caller,
        output: Path,
        suites: tuple[str, ...],
        *,
        say: Callable[[str], None] = print,
        plugins: Path | None = None,
        kind: type[Aws | Emulated] | None = None,
        target: MakeTarget = second_bucket,
    ) -> None:
        self._root, self._suites, self._target = root, suites, target
        self._kind = kind or (Emulated if root.url else Aws)
        name = f"windrow-{secrets.token_hex(4)}"
        self._folder = (output / name).absolute()
        self._cleanup, clock = Cleanup(), SystemClock()
        self._terraform = Terraform(self._kind.prepare(self._folder), plugins=plugins)
        self.report = Report(
            name=name,
            at="an emulator" if root.url else "AWS",
            account=root.account(),
            region=root.region,
            commit=said(["git", "rev-parse", "--short", "HEAD"]),
            terraform=said(["terraform", "version"]).partition("\n")[0],
            begun=clock.now(),
        )
        self._run = Run(self.report, clock, say)

    def destroying(self) -> AbstractContextManager[None]:
        """Destroy at the end what was made, and report what of it is left."""
        return self._run.destroying(self._cleanup, lambda: inventory(self._root), self._terraform.known)

    def check(self) -> Stack | None:
        """Apply, and make all checks; return the stack, if the apply succeeded."""
        contexts: list[Context] = []

        def applied() -> str:
            contexts.append(self._apply())
            return "applied"

        if not self._run.step("apply", "The configuration applies to an account as it is.", applied):
            return None
        self._run.checks(CHECKS, contexts[0])
        return contexts[0].stack

    def tidy(self) -> None:
        """Remove the folder with Terraform's state, unless something is left."""
        if not (self.report.undone or self.report.left):
            shutil.rmtree(self._folder)

    def _apply(self) -> Context:
        package = built(self._folder, emulated=bool(self._root.url))
        target = self._target(self._root, f"{self.report.name}-archives", self._cleanup)
        setup = self._kind(self.report.name, self._root, target, self._terraform.init())
        stack = apply(setup, package, self._cleanup)
        return Context(setup, stack, self._folder, self._cleanup, self._suites)


def built(folder: Path, *, emulated: bool) -> Path:
    """Build the zips: for Lambda, or for the Python that runs the emulator, which runs functions too."""
    target = packaging.host_target() if emulated else Platform("arm64", "3.13")
    if target is None:
        raise RuntimeError("no function of Lambda's can run on this machine")
    package = folder / "function.zip"
    packaging.build(REPOSITORY, target, package)
    packaging.build(REPOSITORY, target, packaging.rotation_path(package), packaging.ROTATION)
    return package


def said(command: list[str]) -> str:
    """Return what a command says; empty if there is none of that name."""
    try:
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
