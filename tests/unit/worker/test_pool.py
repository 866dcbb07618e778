"""Worker processes, real ones: what they return, and every way in which they can end."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from windrow.core.errors import HandlerNotLoaded
from windrow.lab.stack.waiting import LIMIT_S, wait_until
from windrow.worker.pool import Function, Invocation, Pool
from windrow.worker.progress import InvocationOutcome

FUNCTION = Function("windrow", "arn:aws:lambda:eu-west-2:0:function:windrow", 512)
HANDLERS = "tests.unit.worker.handlers"
"""Far more than any invocation of these tests needs."""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Return a pool whose handler does what the event says."""
    with Pool(f"{HANDLERS}.act") as pool:
        yield pool


def _act(pool: Pool, do: str, timeout_s: float = LIMIT_S, **fields: Any) -> Invocation:
    return pool.invoke(json.dumps({"do": do, **fields}).encode(), FUNCTION, timeout_s)


def _works(pool: Pool) -> bool:
    """Return whether the pool still serves, each answer reaching its own question."""
    return [b"1", b"2"] == [_act(pool, "echo", value=value).response for value in (1, 2)]


def test_handler_gets_event_and_context() -> None:
    """The event arrives as it was, and the context has what Lambda's has."""
    event = {"Records": [{"body": "é\x00"}]}
    with Pool(f"{HANDLERS}.describe") as pool:
        first, second = (
            json.loads(pool.invoke(json.dumps(event).encode(), FUNCTION, 50.0, request_id).response)
            for request_id in ("request-1", None)
        )

    assert event == first["event"]
    assert "request-1" == first["request_id"]
    assert 36 == len(second["request_id"])
    assert 0 < first["remaining_ms"] <= 50_000
    assert (FUNCTION.name, FUNCTION.arn, "512") == (first["function_name"], first["function_arn"], first["memory_mb"])
    assert "/aws/lambda/windrow" == first["log_group"]
    assert first["log_stream"] == second["log_stream"]


def test_worker_stays_warm() -> None:
    """The handler's module is imported once, in another process, and keeps its state."""
    with Pool(f"{HANDLERS}.describe") as pool:
        pool.warm()
        answers = [json.loads(pool.invoke(b"{}", FUNCTION, LIMIT_S).response) for _ in range(3)]

    assert [1, 2, 3] == [answer["calls"] for answer in answers]
    assert 1 == len({answer["pid"] for answer in answers} - {os.getpid()})


def test_six_mebibytes_pass(pool: Pool) -> None:
    """The largest event and an answer as large pass through the pipe."""
    value = "x" * (6 * 1024 * 1024)

    assert value == json.loads(_act(pool, "echo", value=value).response)


def test_prints_do_not_disturb(pool: Pool) -> None:
    """Whatever the handler writes to its stdout and stderr, its answer is read."""
    assert (InvocationOutcome.OK, b'{"batchItemFailures": []}') == ((got := _act(pool, "print")).outcome, got.response)
    assert _works(pool)


@pytest.mark.parametrize(
    ("do", "outcome", "detail"),
    [
        ("raise", InvocationOutcome.ERROR, "ValueError: no good"),
        ("unencodable", InvocationOutcome.ERROR, "TypeError: Object of type set is not JSON serializable"),
        ("exit", InvocationOutcome.CRASH, "the worker exited with code 7"),
        ("sys_exit", InvocationOutcome.CRASH, "the worker exited with code 3"),
        ("kill", InvocationOutcome.CRASH, "the worker was killed by SIGKILL (out of memory?)"),
        ("kill_with_heir", InvocationOutcome.CRASH, "the worker was killed by SIGKILL (out of memory?)"),
    ],
)
def test_failure_is_an_outcome_and_the_pool_goes_on(
    pool: Pool, do: str, outcome: InvocationOutcome, detail: str
) -> None:
    """However the handler fails, the outcome says so, long before the time limit, and the next invocation works."""
    invocation = _act(pool, do)

    assert (outcome, detail) == (invocation.outcome, invocation.detail)
    assert _works(pool)


def test_exception_keeps_the_worker_warm(pool: Pool) -> None:
    """A handler that raises goes on in the same process, as on Lambda."""
    before = _act(pool, "pid").response
    _act(pool, "raise")

    assert before == _act(pool, "pid").response


def test_worker_is_killed_at_the_time_limit(pool: Pool, tmp_path: Path) -> None:
    """A handler that ignores every signal is killed with its whole process group when its time is up."""
    file = tmp_path / "group"
    _act(pool, "pid")  # a warm worker: the limit does not count the import
    invocation = _act(pool, "hang_hard", timeout_s=2.0, file=str(file))

    assert (InvocationOutcome.TIMEOUT, "killed after 2 s") == (invocation.outcome, invocation.detail)
    with pytest.raises(ProcessLookupError):
        os.killpg(int(file.read_text()), 0)
    assert _works(pool)


def test_idle_worker_that_died_is_replaced(pool: Pool) -> None:
    """A worker that was killed between invocations costs none."""
    pid = int(_act(pool, "pid").response)
    (process,) = [worker._process for worker in pool._idle if worker._process.pid == pid]
    process.kill()
    process.wait()

    assert InvocationOutcome.OK == _act(pool, "pid").outcome


def test_invocations_run_side_by_side(pool: Pool) -> None:
    """Two invocations at once have two processes, and one that hangs does not hold the other up."""
    results: list[Invocation] = []
    hanging = threading.Thread(target=lambda: results.append(_act(pool, "hang", timeout_s=3.0)))
    hanging.start()

    assert _works(pool)
    hanging.join()
    assert [InvocationOutcome.TIMEOUT] == [invocation.outcome for invocation in results]


def test_kill_ends_what_runs() -> None:
    """After a kill, running and later invocations end as crashes."""
    with Pool(f"{HANDLERS}.act") as pool:
        pool.warm()
        results: list[Invocation] = []
        thread = threading.Thread(target=lambda: results.append(_act(pool, "hang")))
        thread.start()
        while not pool._workers or pool._idle:
            pass
        pool.kill()
        thread.join()
        results.append(_act(pool, "pid"))

    assert [InvocationOutcome.CRASH] * 2 == [invocation.outcome for invocation in results]


@pytest.mark.parametrize(
    ("handler", "named"),
    [
        ("tests.unit.worker.broken_handlers.handler", "RuntimeError: broken at import"),
        ("tests.unit.worker.handlers.absent", "AttributeError"),
        ("tests.unit.worker.absent.handler", "ModuleNotFoundError"),
        ("handler", "module.function"),
        ("tests.unit..handlers.absent", "module.function"),
        ("tests.unit.worker.handlers.__doc__", "is not a function"),
    ],
)
def test_handler_that_cannot_be_imported(handler: str, named: str) -> None:
    """Warming says why the import failed; an invocation ends as a crash that says it too."""
    with Pool(handler) as pool:
        with pytest.raises(HandlerNotLoaded, match=named):
            pool.warm()
        invocation = pool.invoke(b"{}", FUNCTION, LIMIT_S)

    assert InvocationOutcome.CRASH == invocation.outcome
    assert named in invocation.detail


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        ("tests.unit.worker.broken_handlers.handler", True),
        ("tests.unit.worker.handlers.absent", False),
        ("tests.unit.worker.absent.handler", False),
        ("handler", False),
    ],
)
def test_only_a_handler_that_breaks_has_a_traceback(handler: str, told: bool, tmp_path: Path) -> None:
    """Where there is none the sentence says all."""
    with (tmp_path / "log").open("w+b") as log:
        with Pool(handler, output=log.fileno()) as pool, pytest.raises(HandlerNotLoaded):
            pool.warm()
        log.seek(0)
        assert told == (b"Traceback" in log.read())


def test_output_goes_where_it_is_sent(tmp_path: Path) -> None:
    """Workers write to the file descriptor that the pool was given, tracebacks included."""
    with (tmp_path / "log").open("w+b") as log:
        with Pool(f"{HANDLERS}.act", output=log.fileno()) as pool:
            _act(pool, "raise")
        log.seek(0)
        text = log.read().decode()

    assert "ValueError: no good" in text


def test_each_line_is_one_write() -> None:
    """Whoever shares the log can't write into the middle of a line; a datagram is what one write sent."""
    lengths = [1, 20_000, 0, 100_000, 300]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs, Pool(f"{HANDLERS}.act", output=theirs.fileno()) as pool:
        _act(pool, "print_lines", lengths=lengths)
        ours.settimeout(LIMIT_S)
        written = [ours.recv(200_000) for _ in lengths]

    assert [b"x" * length + b"\n" for length in lengths] == written


def test_closing_leaves_no_process() -> None:
    """The context manager ends every worker."""
    with Pool(f"{HANDLERS}.act") as pool:
        pid = int(_act(pool, "pid").response)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_worker_does_not_outlive_its_parent() -> None:
    """When the parent is killed, the worker ends too, even in the middle of a hanging handler."""
    program = (
        "import json, os, threading\n"
        "from windrow.worker.pool import Function, Pool\n"
        f"pool = Pool('{HANDLERS}.act')\n"
        "function = Function('f', 'arn', 1)\n"
        "pid = pool.invoke(json.dumps({'do': 'pid'}).encode(), function, 60).response.decode()\n"
        "hang = lambda: pool.invoke(json.dumps({'do': 'hang'}).encode(), function, 600)\n"
        "threading.Thread(target=hang).start()\n"
        "print(pid, flush=True)\n"
        "os.read(0, 1)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.communicate(b"x")

    wait_until("the worker to end", lambda: not psutil.pid_exists(pid))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps memory in an arena for each thread")
def test_idle_worker_gives_memory_back() -> None:
    """What the handler freed is the system's again, although the C library could keep it for the next batch."""
    with Pool(f"{HANDLERS}.hoard") as pool:
        after_work = int(pool.invoke(b"{}", FUNCTION, LIMIT_S).response)
        process = psutil.Process(pool.pids[0])
        wait_until("memory to come back", lambda: process.memory_info().rss < after_work / 2, limit_s=20)
