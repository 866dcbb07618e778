"""A local stack that runs as long as one command: its folder, its start and its end."""

from __future__ import annotations

import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from windrow.cli.output import err, out, require_extra
from windrow.core.errors import OutputLost

if TYPE_CHECKING:
    from windrow.lab.stack.provision import Shape
    from windrow.lab.stack.servers import Servers
    from windrow.lab.stack.stack import Stack

WITHOUT_MINIO = "MinIO was not found, so a second MiniStack is the destination; `make minio` builds MinIO once"
_NAMES = {"minio": "MinIO", "ministack": "MiniStack"}


@contextmanager
def local_stack(shape: Shape, *, worker: bool = True, servers: Servers = "ministack") -> Iterator[Stack]:
    """Run a stack in a new folder, with progress on standard error; keep the folder only if something goes wrong.

    SIGTERM and SIGHUP (the terminal was closed) stop it as Ctrl-C does: all raise KeyboardInterrupt.

    Raises:
        WrongUse: packages are missing.
        LocalStackError: it does not start.
    """
    require_extra("local")
    from windrow.lab.stack.stack import Stack

    with _terminated_as_interrupted(), _folder() as folder:
        stack = Stack(folder, shape, worker=worker, servers=servers)
        try:
            with err.status("starting") as status:
                stack.start(status.update)
            (folder / "env").write_text(_exports(stack.outputs.environment()))
            (folder / "env.destination").write_text(_exports(_destination_environment(stack)))
            yield stack
        finally:
            _end(stack)


@contextmanager
def _folder() -> Iterator[Path]:
    """Yield a new folder, deleted at the end unless something went wrong; a stop or lost output is not wrong."""
    from windrow.lab.stack.process import uninterrupted

    folder = Path(tempfile.mkdtemp(prefix="windrow-"))
    keep = False
    try:
        yield folder
    except (KeyboardInterrupt, SystemExit, OutputLost):
        raise
    except BaseException:
        keep = True
        err.print(f"The logs are kept in {folder}", style="yellow", soft_wrap=True)
        raise
    finally:
        with uninterrupted():
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
        numbers.append(signal.SIGHUP)
    previous = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def inspection_commands(stack: Stack) -> list[tuple[str, str]]:
    """Return commands to type in another terminal, each with its purpose."""
    outputs = stack.outputs
    return [
        (f"source {stack.folder}/env", "point AWS tools and windrow at this stack"),
        (f"aws s3 cp FILE s3://{outputs.landing_bucket}/", "upload, as an outside party does"),
        (
            f"(source {stack.folder}/env.destination; aws s3 ls --recursive s3://{outputs.destination_bucket})",
            "list the archives",
        ),
        (f"{program()} archive ls s3://{outputs.destination_bucket}/KEY", "list the files of an archive"),
        (f"{program()} status --watch", "watch queue, circuit and deliveries"),
        (f"{program()} audit --grace 10s", "check that every file is delivered once"),
        (f"{program()} doctor", "check that everything is set up right"),
        (f"tail -f {stack.worker.log}", "watch the worker")
        if stack.worker.running
        else (f"{program()} run", "start a worker"),
    ]


def program() -> str:
    """Return how ``windrow`` is typed here: its name where the shell finds it, else the path of this installation's."""
    if shutil.which("windrow"):
        return "windrow"
    script = Path(sys.executable).parent / "windrow"
    if not script.exists():
        return f"{shlex.quote(sys.executable)} -m windrow"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def print_commands(commands: Sequence[tuple[str, str]]) -> None:
    """Print commands, each under its purpose."""
    for command, why in commands:
        out.print(f"  # {why}", style="dim")
        out.print(f"  {command}", style="cyan", soft_wrap=True)


def destination_name(stack: Stack) -> str:
    """Return the name of the destination's server, for people."""
    return _NAMES[stack.kind]


def _exports(variables: Mapping[str, str]) -> str:
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))
    return f"unset AWS_PROFILE AWS_SESSION_TOKEN\n{lines}"


def _destination_environment(stack: Stack) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": stack.destination.url,
        "AWS_REGION": stack.outputs.destination_region,
        "AWS_ACCESS_KEY_ID": stack.access_key,
        "AWS_SECRET_ACCESS_KEY": stack.secret_key,
    }


def _end(stack: Stack) -> None:
    from windrow.lab.stack.process import uninterrupted

    with uninterrupted(), err.status("stopping"):
        stack.stop()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
