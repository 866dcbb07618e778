"""Processes of the local stack: servers on free loopback ports and workers, waited for and never left behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from windrow.core.errors import LocalStackError
from windrow.lab.stack.waiting import wait_until

HOST = "127.0.0.1"
PORTS = range(20_000, 30_000)
"""Below the range that Linux (32768 up) and macOS (49152 up) take client ports from.

A client that keeps trying a stopped server's port inside that range may get the same port for itself and connect to
itself; and the server could then not come back.
"""
READY_S = 120.0
"""A start takes under a second; this is for a machine that is busy with other things."""
_READY_PAUSE_S = 0.02
STOP_S = 5.0
"""Time to end in order before a server is killed; nothing that it stores is kept after the stack's end."""
_PORT_ATTEMPTS = 5
_INHERITED = (
    *("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "SYSTEMROOT", "USER", "VIRTUAL_ENV"),
    *("DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "XDG_RUNTIME_DIR"),
)
"""What a server sees of the environment: no proxies, no AWS_* or MINIO_* settings of the user's."""


class Process:
    """A process of the stack, with its output in ``log``; it ends with the process that started it, however that ends.

    ``cleanup`` is a command to run whenever it has ended.
    """

    def __init__(self, name: str, folder: Path, *, cleanup: Sequence[str] = ()) -> None:
        self.name = name
        self.folder = folder.absolute()
        self.log = self.folder / f"{name}.log"
        self._cleanup = cleanup
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        if self._process is None:
            raise LocalStackError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def end(self) -> str:
        """How the process ended, for people; empty while it runs and if it was not started, or was stopped here."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return ""
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def launch(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start the process with exactly this environment."""
        self._end(signal.SIGTERM, STOP_S)
        self.folder.mkdir(parents=True, exist_ok=True)
        with uninterrupted(), self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for the command, which then stops it in order
            )
            self._watcher = _end_with_this_process(self._process.pid, self._cleanup)

    def stop(self, timeout_s: float = STOP_S) -> None:
        """End the process (SIGTERM, after ``timeout_s`` SIGKILL); harmless when it is not running."""
        self._end(signal.SIGTERM, timeout_s)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self._end(signal.SIGKILL, STOP_S)

    def log_tail(self) -> str:
        """Return the end of the log, to close an error message with."""
        lines = self.log.read_text(errors="replace").splitlines()[-10:] if self.log.exists() else []
        return f"; its log {self.log} ends:\n" + "\n".join(f"  {line}" for line in lines)

    def _end(self, how: signal.Signals, timeout_s: float) -> None:
        process, self._process = self._process, None
        watcher, self._watcher = self._watcher, None
        # The watcher first: once the process is reaped its id may become another's.
        if watcher is not None:
            watcher.kill()
            watcher.communicate()
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._cleanup:
            subprocess.run(self._cleanup, capture_output=True, check=False, timeout=READY_S)


class Server(Process):
    """A process that listens on a loopback port; also a context manager that starts and stops it.

    The port is chosen at the first start and kept, so `stop` or `kill` and then `start` bring the server back at the
    same address.

    ``command`` gives the command line for a port; ``health`` is the path that answers 200 when the server is ready.
    ``owns_port`` is false when another process listens for this one.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        command: Callable[[int], Sequence[str]],
        *,
        environ: Mapping[str, str],
        health: str,
        scheme: str = "http",
        owns_port: bool = True,
        cleanup: Sequence[str] = (),
    ) -> None:
        super().__init__(name, folder, cleanup=cleanup)
        self._command = command
        self._environ = environ
        self._health = health
        self._scheme = scheme
        self._owns_port = owns_port
        self._port: int | None = None

    @property
    def port(self) -> int:
        """The port; known from the first start on."""
        if self._port is None:
            raise LocalStackError(f"{self.name} was not started yet")
        return self._port

    @property
    def url(self) -> str:
        """The endpoint URL; known from the first start on."""
        return f"{self._scheme}://{HOST}:{self.port}"

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises:
            LocalStackError: it did not start; the message ends with the last lines of its log.
        """
        if self.running:
            return
        if self._port is not None:
            self._start_on(self._port)
            return
        for attempt in range(_PORT_ATTEMPTS):
            port = free_port()
            try:
                self._start_on(port)
            except LocalStackError:
                # Another process may have taken the port between the check and the server's own bind.
                if attempt == _PORT_ATTEMPTS - 1 or is_free(port):
                    raise
            else:
                self._port = port
                return

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _start_on(self, port: int) -> None:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        own = {"TMPDIR": str(self.folder), **self._environ, "GATEWAY_PORT": str(port)}
        self.launch(self._command(port), {**inherited, **own})
        try:
            self._await_ready(port)
        except BaseException:
            self.kill()
            raise

    def _await_ready(self, port: int) -> None:
        wait_until(
            f"{self.name} to answer on port {port}",
            lambda: self._is_ready(port),
            limit_s=READY_S,
            pause_s=_READY_PAUSE_S,
            cause=self.log_tail,
        )

    def _is_ready(self, port: int) -> bool:
        if not self.running:
            raise LocalStackError(f"{self.name} ended while it started{self.log_tail()}")
        return (not self._owns_port or self._listens(port)) and self._answers(port)

    def _listens(self, port: int) -> bool:
        """Return whether it is this process, not one that took the port first, that listens there."""
        with contextlib.suppress(psutil.Error):
            connections = psutil.Process(self.pid).net_connections("tcp4")
            return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)
        return False

    def _answers(self, port: int) -> bool:
        connection: http.client.HTTPConnection
        if self._scheme == "https":
            # Only asks whether it is up; clients verify the certificate.
            trusting = ssl._create_unverified_context()  # noqa: S323, SLF001
            connection = http.client.HTTPSConnection(HOST, port, timeout=2, context=trusting)
        else:
            connection = http.client.HTTPConnection(HOST, port, timeout=2)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", self._health)
            return connection.getresponse().status == http.client.OK
        return False


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C, SIGTERM and SIGHUP back until the end of the block.

    One that came between the start of a process and the assignment of its handle would leave the process behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    numbers = [number for number in ending if callable(signal.getsignal(number))]
    before = {number: signal.signal(number, lambda number, _frame: pending.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for caught in pending:
        signal.raise_signal(caught)


def free_port() -> int:
    """Return a port that nothing listens on at the moment."""
    choose = random.SystemRandom()
    for _ in range(100):
        port = choose.choice(PORTS)
        if is_free(port):
            return port
    raise LocalStackError(f"found no free port from {PORTS.start} to {PORTS.stop - 1}")


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: connections that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _end_with_this_process(pid: int, cleanup: Sequence[str]) -> subprocess.Popen[bytes]:
    """Have the process killed, and the clean-up done, as soon as this process is gone, killed or not.

    A shell waits on a pipe whose other end only this process holds. Linux's PR_SET_PDEATHSIG would not do: it fires
    when the *thread* that started the server ends.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; kill -9 "$0"; "$@"', str(pid), *(cleanup or ["true"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
