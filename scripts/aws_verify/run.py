"""One run: apply, check, and in any case destroy and look what is left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

from scripts.aws_verify.checks import NotRun
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.inventory import Inventory, appeared
from scripts.aws_verify.report import Report, Result, Step
from windrow.ports import Clock

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end a run in order: Ctrl-C, a machine that shuts down, a terminal that closes."""

LIST = "aws resourcegroupstaggingapi get-resources --tag-filters Key=Application,Values=windrow"
"""Lists what carries the example's tags, which is nearly all that it makes."""


class Run:
    """A run, which writes down in ``report`` how each step ends."""

    def __init__(self, report: Report, clock: Clock, say: Callable[[str], None]) -> None:
        self.report = report
        self._clock = clock
        self._say = say
        self._interruptible = True

    def step(self, name: str, what: str, do: Callable[[], str]) -> bool:
        """Do a step; tell whether it did not fail. An interrupt goes on to the caller."""
        self._say(f"{name}: {what} ...")
        begun = self._clock.monotonic()
        try:
            result, detail = Result.OK, do()
        except NotRun as reason:
            result, detail = Result.NOT_RUN, str(reason)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported, and the rest tried
            result, detail = Result.FAILED, str(error) or type(error).__name__
        self.report.steps.append(Step(name, what, result, detail, self._clock.monotonic() - begun))
        self._say(f"{name}: {result.value}: {detail}")
        return result is not Result.FAILED

    def checks(self, checks: Mapping[str, Callable[[Any], str]], context: Any) -> None:
        """Make all checks, whatever becomes of each."""
        for name, check in checks.items():
            self.step(name, str(check.__doc__).partition("\n")[0], partial(check, context))

    @contextmanager
    def destroying(
        self, cleanup: Cleanup, look: Callable[[], Inventory], known: Callable[[], set[str]]
    ) -> Iterator[None]:
        """Destroy at the end all that ``cleanup`` was told of, and report what of it is left.

        ``look`` lists what there is; ``known`` are the names in Terraform's state, by which what is left is told from
        what others made meanwhile. The first Ctrl-C ends what is going on, and later ones nothing: what is half
        destroyed would stay, and be billed.
        """
        before = look()
        with self._handling_signals():
            try:
                yield
                self._interruptible = False
            except KeyboardInterrupt:
                self.report.interrupted = True
            finally:
                self._interruptible = False
                self._destroy(cleanup, before, look, known())

    def _destroy(self, cleanup: Cleanup, before: Inventory, look: Callable[[], Inventory], known: set[str]) -> None:
        self._say("destroying all of it ...")
        self.report.undone = cleanup.run()
        try:
            self._compare(before, look(), known)
        except Exception as error:  # noqa: BLE001 - the report must be written, whatever it is
            self.report.undone[LIST] = f"what is left could not be listed: {error}"
        self.report.destroyed = True
        self.report.ended = self._clock.now()

    def _compare(self, before: Inventory, after: Inventory, known: set[str]) -> None:
        for kind, names in appeared(before, after).items():
            ours = {name for name in names if name in known or self.report.name in name}
            for listed, found in ((self.report.left, ours), (self.report.by_others, names - ours)):
                if found:
                    listed[kind] = sorted(found)

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        """Interrupt at the first of `STOPPING`, and after that say what is being waited for."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are the main thread's
            return
        before = {number: signal.signal(number, self._handle) for number in STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if not self._interruptible:
            self._say("still destroying; what can't be destroyed is listed at the end")
            return
        self._interruptible = False
        raise KeyboardInterrupt
