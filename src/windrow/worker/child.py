"""The worker process: loads the handler once, then serves one invocation after the other.

`windrow.worker.pool` starts it with the file descriptor of a socket and its parent's process id. The two exchange
frames of ``multiprocessing.connection`` on the socket, so that standard output is free for the handler. First frame in:
JSON ``{"handler", "sys_path"}``; first frame out: ``+`` or ``-`` and an error. Then for each invocation two frames in,
the header and the event as JSON, and one out: ``+`` and the response as JSON, or ``-`` and ``{"errorType",
"errorMessage"}``.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any, TextIO

from windrow.core.printable import printable_json
from windrow.worker import memory

PARENT_CHECK_S = 1.0
"""How soon a worker notices that its parent, which enforces its time limit, is gone."""

IDLE_S = 1.0
"""How long a worker waits for its next invocation before it gives memory back."""

LINE_BYTES = 1024 * 1024
"""Longest line of output that is written by one write."""


class InvocationContext:
    """Lambda's context object.

    As https://docs.aws.amazon.com/lambda/latest/dg/python-context.html describes it.
    """

    function_version = "$LATEST"
    identity = None
    client_context = None

    def __init__(self, header: dict[str, Any], log_stream_name: str) -> None:
        self.aws_request_id: str = header["request_id"]
        self.function_name: str = header["function_name"]
        self.invoked_function_arn: str = header["function_arn"]
        self.memory_limit_in_mb: str = str(header["memory_mb"])
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = log_stream_name
        self._end = time.monotonic() + header["remaining_s"]

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left of this invocation's timeout."""
        return max(0, int((self._end - time.monotonic()) * 1000))


def main() -> None:
    """Serve until the parent closes the socket."""
    memory.share_arena()
    connection, parent = Connection(int(sys.argv[1])), int(sys.argv[2])
    # Processes that the handler starts must not keep the socket open: a crash is noticed when it closes.
    os.set_inheritable(connection.fileno(), False)  # noqa: FBT003 - takes no keywords
    # The parent alone decides when a worker ends; a supervisor may signal the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    sys.stdout = _whole_lines(sys.stdout)
    start = json.loads(connection.recv_bytes())
    sys.path[:] = start["sys_path"]
    try:
        handler = load(start["handler"])
    except UnknownHandler as error:
        connection.send_bytes(_error(error.__cause__ or error))
        sys.exit(1)
    except BaseException as error:  # noqa: BLE001 - an import may even exit; the parent must know why
        _print_traceback()
        connection.send_bytes(_error(error))
        sys.exit(1)
    connection.send_bytes(b"+")
    _serve(connection, handler)


def _whole_lines(stream: TextIO) -> TextIO:
    """Return a stream to the same file that writes each line as a whole, when it ends.

    Other workers and their parent write to the same log. An unbuffered stream makes two writes for one ``print``, and a
    write of another process between them would break a line of JSON.
    """
    number = stream.fileno()
    whole = open(number, "w", LINE_BYTES, encoding=stream.encoding, errors=stream.errors, closefd=False)  # noqa: SIM115
    whole.reconfigure(line_buffering=True)
    return whole


class UnknownHandler(ImportError):
    """There is no such handler. Its name says enough, so no traceback is printed."""


def load(path: str) -> Callable[[Any, InvocationContext], object]:
    """Import ``package.module.function``. Raises `UnknownHandler`, or what the import raises."""
    module, _, name = path.rpartition(".")
    if not all(part.isidentifier() for part in path.split(".")) or not module:
        raise UnknownHandler(f"the handler must be given as module.function, not {path!r}")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Another missing module is an error of the handler's own.
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise UnknownHandler(path) from error
    try:
        handler: Callable[[Any, InvocationContext], object] = getattr(found, name)
    except AttributeError as error:
        raise UnknownHandler(path) from error
    if not callable(handler):
        raise UnknownHandler(f"{path} is not a function")
    return handler


def _serve(connection: Connection, handler: Callable[[Any, InvocationContext], object]) -> None:
    stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{os.urandom(16).hex()}"
    while True:
        try:
            header = json.loads(connection.recv_bytes())
            event = connection.recv_bytes()
        except EOFError:
            return
        answer = _invoke(handler, event, InvocationContext(header, stream))
        sys.stdout.flush()
        connection.send_bytes(answer)
        del event, answer
        # Not between batches that follow each other at once, which would only ask for the memory again.
        if not connection.poll(IDLE_S):
            memory.give_back()


def _invoke(handler: Callable[[Any, InvocationContext], object], event: bytes, context: InvocationContext) -> bytes:
    """Call the handler. If it exits, the process ends, as on Lambda."""
    try:
        return b"+" + json.dumps(handler(json.loads(event), context)).encode()
    except Exception as error:  # noqa: BLE001 - any error of a handler is the invocation's outcome
        _print_traceback()
        return _error(error)


def _print_traceback() -> None:
    """Print the current error in the format of the handler's log, escaped: its message may quote untrusted text."""
    error = sys.exc_info()[1]
    entry = {
        "level": "ERROR",
        "location": "windrow.worker.child",
        "message": f"the handler raised {type(error).__name__}",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "service": "windrow",
        "exception": traceback.format_exc(),
        "exception_name": type(error).__name__,
    }
    print(printable_json(json.dumps(entry, separators=(",", ":"))))  # noqa: T201 - where the handler prints its own


def _error(error: BaseException) -> bytes:
    return b"-" + json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(1)


if __name__ == "__main__":
    main()
