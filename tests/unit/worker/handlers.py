"""Handlers that worker processes of the tests run."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from windrow.lab.stack.waiting import wait_until

loaded = 0


def succeed(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Succeed with every message."""
    return {"batchItemFailures": []}


def describe(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return what was handed over."""
    global loaded  # noqa: PLW0603 - counts what a warm process keeps
    loaded += 1
    return {
        "pid": os.getpid(),
        "calls": loaded,
        "event": event,
        "request_id": context.aws_request_id,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "function_name": context.function_name,
        "function_arn": context.invoked_function_arn,
        "memory_mb": context.memory_limit_in_mb,
        "log_group": context.log_group_name,
        "log_stream": context.log_stream_name,
    }


def act(event: dict[str, Any], context: Any) -> Any:
    """Do what the event says."""
    return ACTIONS[event["do"]](event)


def _exit(event: dict[str, Any]) -> None:
    os._exit(7)


def _sys_exit(event: dict[str, Any]) -> None:
    sys.exit(3)


def _kill(event: dict[str, Any]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_with_heir(event: dict[str, Any]) -> None:
    """Die while a forked child still holds the socket."""
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


def _hang(event: dict[str, Any]) -> None:
    while True:
        time.sleep(60)


def _hang_hard(event: dict[str, Any]) -> None:
    """Hang where only SIGKILL helps, and leave word of the process's group."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    Path(event["file"]).write_text(str(os.getpgrp()))
    _hang(event)


def _raise(event: dict[str, Any]) -> None:
    raise ValueError("no good")


def _print(event: dict[str, Any]) -> dict[str, Any]:
    sys.stdout.write("garbage\x00\xff{}" * 50_000 + "\n")
    os.write(1, b"\x00\x01\x02+null")
    os.write(2, b"\xff\xfe")
    return {"batchItemFailures": []}


def _print_lines(event: dict[str, Any]) -> dict[str, Any]:
    for length in event["lengths"]:
        print("x" * length)  # noqa: T201 - as handlers do, and Powertools
    return {"batchItemFailures": []}


def _unencodable(event: dict[str, Any]) -> Any:
    return {1, 2}


def _echo(event: dict[str, Any]) -> Any:
    return event["value"]


def _pid(event: dict[str, Any]) -> int:
    return os.getpid()


ACTIONS = {
    "exit": _exit,
    "sys_exit": _sys_exit,
    "kill": _kill,
    "kill_with_heir": _kill_with_heir,
    "hang": _hang,
    "hang_hard": _hang_hard,
    "raise": _raise,
    "print": _print,
    "print_lines": _print_lines,
    "unencodable": _unencodable,
    "echo": _echo,
    "pid": _pid,
}


def hang(event: dict[str, Any], context: Any) -> None:
    """Tell the process's id, then hang."""
    sys.stdout.write(f"hanging {os.getpid()}\n")
    _hang({})


def await_file(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Succeed once the file that AWAITED names is there."""
    sys.stdout.write("waiting\n")
    wait_until("the file", Path(os.environ["AWAITED"]).exists)
    return {"batchItemFailures": []}


KEPT: list[bytes] = []


def hoard(_event: object, _context: object) -> int:
    """Allocate 96 MB and free all but the last bytes, behind which the C library keeps the rest; return what is held.

    In bytes, of this process.
    """
    pieces = [b"x" * 64_000 + bytes([number % 256]) for number in range(1_500)]
    KEPT.append(pieces[-1])
    del pieces
    return psutil.Process().memory_info().rss
