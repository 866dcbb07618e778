"""What happens amid a soak: raw files expire, the destination's key is rotated, the worker is replaced by a new one."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3

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
WORKER = (sys.executable, "-m", "windrow", "run", "--json")


class Planned:
    """An action at a time of the run; its begin and its end are noted."""

    def __init__(self, at_s: float, name: str, action: Callable[[], object]) -> None:
        self._at_s = at_s
        self._name = name
        self._action = action
        self.over = False

    def run(self, course: Course) -> None:
        """Wait for the time and act. Raises what the action raises."""
        if course.wait_until(self._at_s):
            return
        course.note(f"{self._name} begins")
        self._action()
        course.note(f"{self._name} is done")
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
    new.launch(WORKER, stack.environment())
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

    def __init__(self, s3: S3Client, bucket: str, kept_s: float = KEPT_S) -> None:
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


def expiry(stack: Stack) -> Expiry:
    """Return the expiry of a stack's landing bucket."""
    return Expiry(boto3.client("s3"), stack.outputs.landing_bucket)
