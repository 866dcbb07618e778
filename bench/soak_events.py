"""What happens amid a soak: raw files expire, the destination's key is rotated, the worker is replaced by a new one."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import msgspec

from windrow import settings
from windrow.bootstrap.rotation import rotation
from windrow.core.errors import LocalStackError
from windrow.functions.rotate import NEEDS
from windrow.lab.load.course import Course
from windrow.lab.stack.process import Process
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.verification import Version
from windrow.lab.stack.waiting import wait_until
from windrow.operations.rotation import Step

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

KEPT_S = 60.0
"""How long a raw file stays after it was seen in an archive."""
EVERY_S = 5.0
DELETED_AT_ONCE = 100
"""The emulator takes half a millisecond for each, and answers nothing else meanwhile."""


class Planned(msgspec.Struct, frozen=True):
    """An action at a time of the run, in seconds from its start."""

    at_s: float
    name: str
    act: Callable[[], object]


class Programme:
    """Actions one after the other, none before its time; the begin and the end of each are noted."""

    def __init__(self, actions: Sequence[Planned]) -> None:
        self._actions = actions
        self.over = False

    def run(self, course: Course) -> None:
        """Do all of them. Raises what an action raises."""
        for action in self._actions:
            if course.wait_until(action.at_s):
                return
            course.note(f"{action.name} begins")
            action.act()
            course.note(f"{action.name} is done")
        self.over = True


def rotate() -> None:
    """Rotate the destination's key, by the steps that Secrets Manager calls the function for.

    Raises:
        RotationError: a step failed.
    """
    steps = rotation(settings.load(os.environ, needs=NEEDS))
    token = str(uuid4())
    for step in Step:
        steps.run(step, token)


def replace_worker(stack: Stack) -> None:
    """Deploy as an operator of servers does: start the new worker, then have the old one end in order (SIGTERM).

    Raises:
        LocalStackError: the new one does not start, or the old one did not end in order.
    """
    old, new = stack.worker, Process("worker-2", stack.folder)
    stack.start_worker("--json", process=new)
    # Its first word is about the queue it found.
    wait_until("the new worker", lambda: new.log.exists() and new.log.stat().st_size > 0, cause=new.log_tail)
    os.kill(old.pid, signal.SIGTERM)
    stack.worker = new
    wait_until("the old worker's end", lambda: not old.running, cause=old.log_tail)
    if old.end != "exit code 0":
        raise LocalStackError(f"the replaced worker ended by {old.end}{old.log_tail()}")
    old.stop()


class Expiry:
    """Deletes raw files that have been delivered for a while.

    The product's own sweep (`windrow retain`) keeps files for an hour at least and needs a bucket for copies: too long
    for a machine that must hold all of it in memory.
    """

    over = True

    def __init__(self, s3: S3Client, bucket: str, kept_s: float) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._kept_s = kept_s
        self._seen: set[Version] = set()
        self._due: deque[tuple[float, set[Version]]] = deque()
        self.deleted = 0

    def run(self, course: Course) -> None:
        """Delete until the run is over. Raises `LocalStackError` if S3 refuses one."""
        while not course.stop.wait(EVERY_S):
            self.sweep(course)

    def sweep(self, course: Course) -> None:
        """Delete what was seen long enough ago, and note what is new."""
        new = set(course.delivered) - self._seen
        self._seen |= new
        self._due.append((course.now_s() + self._kept_s, new))
        while self._due and self._due[0][0] <= course.now_s():
            self._delete(self._due.popleft()[1])

    def _delete(self, versions: Iterable[Version]) -> None:
        objects: list[ObjectIdentifierTypeDef] = [
            {"Key": key, "VersionId": version_id or "null"} for key, version_id in sorted(versions)
        ]
        for start in range(0, len(objects), DELETED_AT_ONCE):
            some = objects[start : start + DELETED_AT_ONCE]
            answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": some, "Quiet": True})
            if refused := answer.get("Errors"):
                raise LocalStackError(f"{len(refused)} raw files were not deleted, the first: {refused[0]}")
            self.deleted += len(some)


def expiry(stack: Stack, kept_s: float) -> Expiry:
    """Return the expiry of a stack's landing bucket."""
    return Expiry(boto3.client("s3"), stack.outputs.landing_bucket, kept_s)
