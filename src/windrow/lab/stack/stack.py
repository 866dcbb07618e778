"""All of Windrow on this machine: AWS emulator, destination, everything provisioned, and a worker."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, Self

from windrow.core.errors import LocalStackError
from windrow.lab.stack.destination import DestinationAccess, DestinationKind
from windrow.lab.stack.process import Process, Server
from windrow.lab.stack.provision import FastEndpoints, Shape, StackOutputs, isolated, provision, worker_environment
from windrow.lab.stack.servers import (
    ACCESS_KEY,
    LANDING_SECRET_KEY,
    REGION,
    SECRET_KEY,
    Servers,
    docker_has_minio,
    elasticmq,
    find_minio,
    minio,
    ministack,
)

DestinationChoice = Literal["auto", "minio", "ministack"]

_WORKER = (sys.executable, "-m", "windrow", "run")
_SENTINEL = (sys.executable, "-m", "windrow.lab.stack.sentinel")


STARTING_BYTES = 64_000_000
"""Free bytes that a start needs: logs, and MinIO's own files."""

LEAST_FREE_BYTES = 4_000_000
"""With fewer a disk counts as full: servers then wait and repeat rather than end."""


def check_room(folder: Path, least_bytes: int) -> None:
    """Raise `LocalStackError` if the folder's disk has fewer bytes free."""
    free = shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free
    if free < least_bytes:
        raise LocalStackError(
            f"the disk of {folder} is full: {free / 1e6:.0f} MB are free; set TMPDIR to a folder with more room"
        )


class FastServers(NamedTuple):
    """The servers that do the emulator's work with queue and landing bucket."""

    queue: Server
    landing: Server


class Stack:
    """A running stack; a context manager.

    While it runs, this process's environment points at it (AWS_* and WINDROW_*), and nothing of the user's own AWS
    configuration applies. Logs and data are in ``folder``. Without ``worker`` nothing receives from the queue.

    ``destination`` is ``auto`` for MinIO where there is one, else a second MiniStack. ``access_key`` and ``secret_key``
    are its administrator's, for people; the worker has keys of its own. Who uploads to ``fast`` servers
    sends S3's events too.

    Raises:
        LocalStackError: a server that was asked for is not on this machine.
    """

    def __init__(
        self,
        folder: Path,
        shape: Shape | None = None,
        *,
        destination: DestinationChoice = "auto",
        worker: bool = True,
        auth: bool = False,
        servers: Servers = "ministack",
    ) -> None:
        self.folder = folder.absolute()
        self.shape = shape or Shape()
        self.aws = ministack(self.folder, auth=auth)
        self.worker = Process("worker", self.folder)
        self.sentinel = Process("sentinel", self.folder)
        self.destination, self.access_key, self.secret_key = _destination(self.folder, destination)
        self.fast = _fast(self.folder) if servers == "fast" else None
        self._with_worker = worker
        self._outputs: StackOutputs | None = None
        self._resources = ExitStack()

    @property
    def outputs(self) -> StackOutputs:
        """What was created; known while the stack runs."""
        if self._outputs is None:
            raise LocalStackError("the local stack is not running")
        return self._outputs

    def start(self, on_step: Callable[[str], object] = lambda _: None) -> None:
        """Start everything; ``on_step`` is called with a text for each step.

        Raises:
            LocalStackError: a server did not start, or the disk has no room.
        """
        check_room(self.folder, STARTING_BYTES)
        with ExitStack() as resources:
            on_step("starting the AWS emulator (MiniStack)")
            self.aws.start()
            # Killed, as the others: what they hold is not wanted any more, and an ordinary end waits for connections.
            resources.callback(self.aws.kill)
            on_step(f"starting the destination ({'MinIO' if self.kind == 'minio' else 'a second MiniStack'})")
            self.destination.start()
            resources.callback(self.destination.kill)
            for server in self.fast or ():
                on_step(f"starting the {server.name} server")
                server.start()
                resources.callback(server.kill)
            resources.enter_context(_environment(isolated(os.environ)))
            on_step("creating buckets, queues, ledger, secret and mapping")
            self._outputs = provision(self.aws.url, self._access(), self.shape, self._endpoints())
            resources.enter_context(_environment(self.environment()))
            if self._with_worker:
                on_step("starting the worker")
                self.start_worker()
                resources.callback(self.worker.kill)
            if self.shape.sentinel_s:
                self._start_sentinel()
                resources.callback(self.sentinel.kill)
            self._resources = resources.pop_all()

    def stop(self) -> None:
        """Stop everything, the worker first, and restore this process's own environment."""
        self._resources.close()
        self._outputs = None

    def start_worker(
        self, *options: str, settings: Mapping[str, str] | None = None, process: Process | None = None
    ) -> None:
        """Start the worker, ``windrow run``, as on a server beside MinIO; its output goes to its log.

        ``settings`` are variables of its environment beyond those of the stack. ``process`` runs another one beside it.
        """
        (process or self.worker).launch([*_WORKER, *options], {**self.environment(), **(settings or {})})

    def environment(self) -> dict[str, str]:
        """Return the whole environment for processes that use the stack."""
        return worker_environment(self.outputs, os.environ)

    @property
    def kind(self) -> DestinationKind:
        """What the destination is."""
        return _kind(self.destination)

    def _access(self) -> DestinationAccess:
        return DestinationAccess(
            kind=self.kind, endpoint=self.destination.url, access_key=self.access_key, secret_key=self.secret_key
        )

    def _endpoints(self) -> FastEndpoints | None:
        if self.fast is None:
            return None
        return FastEndpoints(queue_endpoint=self.fast.queue.url, landing_endpoint=self.fast.landing.url)

    def parts(self) -> list[Process]:
        """Return the processes of the stack, the AWS emulator first."""
        ours = [self.worker] if self._with_worker else []
        ours += [self.sentinel] if self.shape.sentinel_s else []
        return [self.aws, self.destination, *(self.fast or ()), *ours]

    def check(self) -> None:
        """Check that all processes run and that the disk has room.

        Raises:
            LocalStackError: one of the processes is gone, its log is quoted; or the disk is full.
        """
        check_room(self.folder, LEAST_FREE_BYTES)
        for process in self.parts():
            if not process.running:
                raise LocalStackError(f"{process.name} has ended{process.log_tail()}")

    def holds_all(self, part: Process) -> bool:
        """Return whether the stack's data is lost with a part: an emulator keeps all of it in memory."""
        emulators = (self.aws, self.fast.queue) if self.fast else (self.aws,)
        return part in emulators or (part is self.destination and self.kind == "ministack")

    def start_again(self, part: Process) -> None:
        """Start a part that has ended, at the same address and with its data. Raises `LocalStackError`."""
        if isinstance(part, Server):
            part.start()
        elif part is self.worker:
            self.start_worker()
        else:
            self._start_sentinel()

    def _start_sentinel(self) -> None:
        self.sentinel.launch([*_SENTINEL, str(self.shape.sentinel_s)], self.environment())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def _destination(folder: Path, choice: DestinationChoice) -> tuple[Server, str, str]:
    """Return the server and its administrator's access and secret key."""
    if choice == "minio" or (choice == "auto" and (find_minio() or docker_has_minio())):
        access_key, secret_key = secrets.token_hex(10), secrets.token_urlsafe(30)
        return minio(folder, access_key=access_key, secret_key=secret_key), access_key, secret_key
    return ministack(folder, name="destination"), ACCESS_KEY, SECRET_KEY


def _fast(folder: Path) -> FastServers:
    region = {"MINIO_SITE_REGION": REGION}
    landing = minio(folder, access_key=ACCESS_KEY, secret_key=LANDING_SECRET_KEY, name="landing", more=region)
    return FastServers(elasticmq(folder), landing)


def _kind(destination: Server) -> DestinationKind:
    return "minio" if destination.name == "minio" else "ministack"


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Have exactly this environment inside the block."""
    before = dict(os.environ)
    _replace_environment(wanted)
    try:
        yield
    finally:
        _replace_environment(before)


def _replace_environment(wanted: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)
