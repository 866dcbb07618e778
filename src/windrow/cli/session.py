"""A local stack for the time of one command: its folder, its start as a person sees it, and its end."""

from __future__ import annotations

import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from windrow.cli.output import err, require_extra

if TYPE_CHECKING:
    from windrow.local.provision import Shape
    from windrow.local.stack import Stack

WITHOUT_MINIO = "MinIO was not found, so a second MiniStack is the destination; `make minio` builds MinIO once"
_NAMES = {"minio": "MinIO", "ministack": "MiniStack"}


@contextmanager
def local_stack(shape: Shape, *, worker: bool = True) -> Iterator[Stack]:
    """Run a stack in a folder of its own, told on standard error; keep the folder only if something goes wrong.

    SIGTERM ends it in order, as Ctrl-C does: both raise KeyboardInterrupt.

    Raises:
        WrongUse: packages are missing.
        LocalStackError: it does not start.
    """
    require_extra("local")
    from windrow.local.stack import Stack

    folder = Path(tempfile.mkdtemp(prefix="windrow-"))
    previous = signal.signal(signal.SIGTERM, _interrupt)
    stack = Stack(folder, shape, worker=worker)
    try:
        with err.status("starting", spinner="dots") as status:
            stack.start(status.update)
        (folder / "env").write_text(exports(stack))
        yield stack
    except KeyboardInterrupt:
        _end(stack)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException:
        _end(stack)
        err.print(f"The logs are kept in {folder}", style="yellow", soft_wrap=True)
        raise
    else:
        _end(stack)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        signal.signal(signal.SIGTERM, previous)


def exports(stack: Stack) -> str:
    """Return the lines that point a shell's AWS tools and ``windrow`` at the stack."""
    variables = sorted(stack.outputs.environment().items())
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables)


def destination_name(stack: Stack) -> str:
    """Return what the destination is, for people."""
    return _NAMES[stack.kind]


def _end(stack: Stack) -> None:
    with err.status("stopping", spinner="dots"):
        stack.stop()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
