"""Worker processes that run the handler, one invocation at a time each, with a hard time limit.

They are started as new programs, never forked, because the parent has threads. A worker that exits, is killed or
exceeds its limit is noticed at once and replaced at the next invocation.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from typing import Any, Self

import msgspec

from windrow.core.errors import HandlerNotLoaded, WorkerDied
from windrow.worker.progress import InvocationOutcome

_log = logging.getLogger(__name__)

LOAD_LIMIT_S = 60.0
"""How long a worker may take to import the handler. Lambda allows 10 s, and then the function's timeout once more."""

CLOSE_LIMIT_S = 5.0
"""How long an idle worker may take to exit after its socket was closed; then it is killed."""

DEATH_CHECK_S = 0.2
"""How often a running worker is checked, in case another process still holds its end of the socket."""


class Function(msgspec.Struct, frozen=True):
    """The function's properties in the handler's context."""

    name: str
    arn: str
    memory_mb: int


class Invocation(msgspec.Struct, frozen=True):
    """The result of an invocation: ``response`` is JSON text if the outcome is OK, else ``detail`` is the cause."""

    outcome: InvocationOutcome
    response: bytes = b"null"
    detail: str = ""
    seconds: float = 0.0


class Pool:
    """Keeps workers between invocations; starts as many as invocations run at once.

    ``handler`` is ``package.module.function``. ``env`` is the workers' whole environment, None for this process's.
    ``output`` is the file descriptor for the workers' stdout and stderr, None for this process's.
    """

    def __init__(self, handler: str, *, env: Mapping[str, str] | None = None, output: int | None = None) -> None:
        self._handler = handler
        self._env = env
        self._output = output
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._workers: set[_Worker] = set()
        self._killed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """The ids of the workers."""
        with self._lock:
            return [worker.pid for worker in self._workers]

    def warm(self) -> None:
        """Start one worker if none is idle, so that a handler that does not load is noticed before the first batch.

        Raises:
            HandlerNotLoaded: its import failed.
        """
        worker = self._take()
        try:
            worker.await_ready()
        except WorkerDied as error:
            self._discard(worker)
            raise HandlerNotLoaded(f"{self._handler}: {error}") from error
        except HandlerNotLoaded:
            self._discard(worker)
            raise
        self._put(worker)

    def invoke(self, event: bytes, function: Function, timeout_s: float, request_id: str | None = None) -> Invocation:
        """Run the handler on an event (JSON text) in a worker; at ``timeout_s`` that worker is killed.

        Every failure of the handler or its process is an outcome, never raised.
        """
        header = {
            "request_id": request_id or str(uuid.uuid4()),
            "remaining_s": timeout_s,
            "function_name": function.name,
            "function_arn": function.arn,
            "memory_mb": function.memory_mb,
        }
        begun = time.monotonic()
        worker = self._take()
        invocation = worker.invoke(json.dumps(header).encode(), event, timeout_s)
        if worker.ended():
            self._discard(worker)
        else:
            self._put(worker)
        return msgspec.structs.replace(invocation, seconds=time.monotonic() - begun)

    def kill(self) -> None:
        """Kill every worker now; running invocations end as crashes, and later ones do at once."""
        with self._lock:
            self._killed = True
            workers = list(self._workers)
        for worker in workers:
            worker.kill()

    def close(self) -> None:
        """Stop the idle workers and wait for them; kill those that are running."""
        with self._lock:
            idle, self._idle = self._idle, []
            busy = self._workers.difference(idle)
        for worker in busy:
            worker.kill()
        for worker in idle:
            worker.close()
        for worker in (*idle, *busy):
            self._discard(worker)

    def _take(self) -> _Worker:
        """Return an idle worker, the one used last first, or a new one."""
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                break
            if not worker.ended():
                return worker
            self._discard(worker)
        worker = _Worker(self._handler, self._env, self._output)
        with self._lock:
            self._workers.add(worker)
            killed = self._killed
        if killed:
            worker.kill()
        return worker

    def _put(self, worker: _Worker) -> None:
        with self._lock:
            self._idle.append(worker)

    def _discard(self, worker: _Worker) -> None:
        worker.reap()
        with self._lock:
            self._workers.discard(worker)


class _Worker:
    """One process and the socket to it."""

    def __init__(self, handler: str, env: Mapping[str, str] | None, output: int | None) -> None:
        self._connection, remote = Pipe()
        with remote:
            # In its own session, so that Ctrl-C reaches the parent only, and a kill ends all that the worker started.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "windrow.worker.child", str(remote.fileno()), str(os.getpid())],
                pass_fds=[remote.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                start_new_session=True,
            )
        self._start = json.dumps({"handler": handler, "sys_path": sys.path}).encode()
        self._ready = False
        self._expired = False

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def await_ready(self) -> None:
        """Wait until the handler is imported. Raises `HandlerNotLoaded`, `WorkerDied`."""
        if self._ready:
            return
        with self._limit(LOAD_LIMIT_S):
            answer = self._exchange(self._start)
        if answer[:1] != b"+":
            raise HandlerNotLoaded(_describe(answer[1:]))
        self._ready = True

    def invoke(self, header: bytes, event: bytes, timeout_s: float) -> Invocation:
        """Run one invocation; every failure is an outcome."""
        try:
            self.await_ready()
            with self._limit(timeout_s):
                answer = self._exchange(header, event)
        except HandlerNotLoaded as error:
            self.kill()
            return Invocation(InvocationOutcome.CRASH, detail=f"the handler could not be imported: {error}")
        except WorkerDied as error:
            if self._expired:
                limit_s = timeout_s if self._ready else LOAD_LIMIT_S
                return Invocation(InvocationOutcome.TIMEOUT, detail=f"killed after {limit_s:g} s")
            return Invocation(InvocationOutcome.CRASH, detail=str(error))
        if answer[:1] == b"+":
            return Invocation(InvocationOutcome.OK, response=answer[1:])
        return Invocation(InvocationOutcome.ERROR, detail=_describe(answer[1:]))

    def ended(self) -> bool:
        """Return whether the process has ended or was killed."""
        return self._expired or self._process.poll() is not None

    def kill(self) -> None:
        """Kill the process and all that it started in its session."""
        # If it exits between the check and the kill, macOS raises PermissionError.
        with suppress(ProcessLookupError, PermissionError):
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the socket, so that an idle process exits."""
        self._connection.close()

    def reap(self) -> None:
        """Wait for the process to exit, and kill it if it does not."""
        self._connection.close()
        try:
            self._process.wait(CLOSE_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def _exchange(self, *frames: bytes) -> bytes:
        """Send the frames and return the answer. Raises `WorkerDied` as soon as the process is gone."""
        try:
            for frame in frames:
                self._connection.send_bytes(frame)
            while not self._connection.poll(DEATH_CHECK_S):
                if self._process.poll() is not None and not self._connection.poll():
                    break
            else:
                return self._connection.recv_bytes()
        except (EOFError, OSError):
            pass
        raise WorkerDied(_exit_reason(self._process))

    @contextmanager
    def _limit(self, seconds: float) -> Iterator[None]:
        """Kill the process unless the block ends in time; by a timer, because sending to a stopped process blocks."""
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self._expired = True
        self.kill()


def _exit_reason(process: subprocess.Popen[Any]) -> str:
    """Return how a process ended; it may exit a moment after its socket was closed."""
    try:
        code = process.wait(CLOSE_LIMIT_S)
    except subprocess.TimeoutExpired:
        return "the worker closed its socket"
    if code >= 0:
        return f"the worker exited with code {code}"
    name = signal.Signals(-code).name
    return f"the worker was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def _describe(error: bytes) -> str:
    fields = json.loads(error)
    return f"{fields['errorType']}: {fields['errorMessage']}"
