"""The engine and ``windrow run`` on the emulator: its queue and its event source mapping."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config

from windrow.clients.awslambda.mapping import LambdaMapping
from windrow.clients.clock import SystemClock
from windrow.clients.sqs.source_queue import opener
from windrow.core.mapping import Overrides
from windrow.lab.stack.servers import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY, ministack
from windrow.lab.stack.waiting import LIMIT_S, wait_until
from windrow.worker import engine as engine_module
from windrow.worker.batcher import CloseReason
from windrow.worker.engine import Engine
from windrow.worker.pool import Pool
from windrow.worker.progress import BatchStarted, Counters, Progress

HANDLERS = "tests.unit.worker.handlers"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of an emulator."""
    with ministack(tmp_path_factory.mktemp("ministack")) as server:
        yield server.url


class Aws:
    """A queue, a function and a mapping of a test's own."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.name = f"engine-{uuid.uuid4().hex[:12]}"
        self.sqs = self._client("sqs")
        self.functions = self._client("lambda")
        attributes = {"VisibilityTimeout": "3600"}
        self.url: str = self.sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        self._create_function()

    def _client(self, service: str) -> Any:
        session: Any = boto3.session.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
        return session.client(
            service,
            endpoint_url=self.endpoint,
            config=Config(proxies={}, max_pool_connections=20),
        )

    def _create_function(self) -> None:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "")
        self.functions.create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Role=f"arn:aws:iam::{ACCOUNT}:role/none",
            Handler="handler.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=60,
            MemorySize=1024,
        )
        # The emulator has a poller of its own; a function without concurrency keeps it idle.
        self.functions.put_function_concurrency(FunctionName=self.name, ReservedConcurrentExecutions=0)

    def create_mapping(self, **fields: Any) -> str:
        """Create the mapping and return its id."""
        mapping = self.functions.create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}",
            FunctionName=self.name,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            **fields,
        )
        return str(mapping["UUID"])

    def send(self, count: int, body: str = "{}") -> None:
        """Queue so many messages."""
        for _ in range(count):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def counts(self) -> tuple[int, int]:
        """Return how many messages are visible and how many are in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(attributes[names[0]]), int(attributes[names[1]])

    def environ(self, **more: str) -> dict[str, str]:
        """Return the environment of a process that works on this queue."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "WINDROW_")) and not name.lower().endswith("_proxy")
        }
        aws = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": REGION}
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        return {**inherited, **aws, **keys, "PYTHONPATH": os.pathsep.join(sys.path), **more}


@pytest.fixture
def aws(endpoint: str) -> Aws:
    """Return a queue of this test's own."""
    return Aws(endpoint)


class Watch:
    """What an engine told so far."""

    def __init__(self) -> None:
        self.told: list[Progress] = []
        self.counters = Counters(self.told.append)

    def batches(self) -> list[tuple[int, CloseReason]]:
        """Return the size of each batch and why it was closed."""
        return [(told.messages, told.closed_by) for told in self.told if isinstance(told, BatchStarted)]

    def until(self, **sums: object) -> None:
        """Wait until the totals are so."""
        wait_until(
            f"the totals {sums}",
            lambda: all(getattr(self.counters.totals(), name) == value for name, value in sums.items()),
            cause=lambda: f"; they are {self.counters.totals()}",
        )


class CountedSqs:
    """An SQS client that counts the receives under way."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs
        self._lock = threading.Lock()
        self._receiving = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def receive_message(self, **request: Any) -> Any:
        """Receive."""
        with self._lock:
            self._receiving += 1
        try:
            return self._sqs.receive_message(**request)
        finally:
            with self._lock:
                self._receiving -= 1

    def until_quiet(self) -> None:
        """Wait until no receive was under way ten looks in a row."""
        quiet = 0

        def look() -> bool:
            nonlocal quiet
            quiet = 0 if self._receiving else quiet + 1
            return quiet >= 10

        wait_until("the engine to be quiet", look)


@contextmanager
def _engine(aws: Aws, mapping_id: str, monkeypatch: pytest.MonkeyPatch, sqs: Any = None) -> Iterator[Watch]:
    """Run an engine in a thread, as the demo does."""
    monkeypatch.setattr(engine_module, "CONFIG_REFRESH_S", 0.1)
    watch, stop, errors = Watch(), threading.Event(), list[Exception]()
    source = LambdaMapping(aws.functions, aws.sqs, mapping_id, Overrides(processes_most=2))

    def run() -> None:
        try:
            with Pool(f"{HANDLERS}.succeed") as pool:
                clock = SystemClock()
                queue = opener(sqs or aws.sqs, clock)
                Engine(source, queue, pool, clock, observer=watch.counters, quiet_wait_s=1).run(stop)
        except Exception as error:  # noqa: BLE001 - raised again on the test's thread
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]


def test_mapping_is_followed_while_it_changes(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disabling the mapping, as the circuit breaker does, stops the receiving; enabling it goes on."""
    mapping_id = aws.create_mapping(BatchSize=10, Enabled=True)
    sqs = CountedSqs(aws.sqs)
    with _engine(aws, mapping_id, monkeypatch, sqs) as watch:
        aws.send(3)
        watch.until(messages_deleted=3)
        aws.functions.update_event_source_mapping(UUID=mapping_id, Enabled=False)
        watch.until(enabled=False)
        sqs.until_quiet()
        aws.send(4)
        sqs.until_quiet()
        assert (4, 0) == aws.counts()
        aws.functions.update_event_source_mapping(UUID=mapping_id, Enabled=True)
        watch.until(messages_deleted=7)

    assert (0, 0) == aws.counts()


def test_batches_close_by_size_and_stay_open_for_the_window(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full batches run at once; the rest waits for its window and is released if the engine stops before."""
    mapping_id = aws.create_mapping(BatchSize=20, MaximumBatchingWindowInSeconds=300)
    aws.send(45)
    with _engine(aws, mapping_id, monkeypatch) as watch:
        watch.until(messages_deleted=40, messages_received=45)

    assert [(20, CloseReason.SIZE)] * 2 == watch.batches()
    assert (5, 0) == aws.counts()


def test_window_gathers_what_comes_after_the_first_message(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages that come one after the other within the window are one batch."""
    mapping_id = aws.create_mapping(BatchSize=10_000, MaximumBatchingWindowInSeconds=10)
    with _engine(aws, mapping_id, monkeypatch) as watch:
        aws.send(1)
        watch.until(messages_received=1)
        aws.send(2)
        watch.until(messages_deleted=3)

    assert [(3, CloseReason.WINDOW)] == watch.batches()


def test_batches_close_at_the_payload_limit(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty messages of 250 KB are more than one invocation may carry; none is lost between the two."""
    mapping_id = aws.create_mapping(BatchSize=10_000, MaximumBatchingWindowInSeconds=300)
    aws.send(30, body="x" * 250_000)
    with _engine(aws, mapping_id, monkeypatch) as watch:
        watch.until(messages_deleted=25, messages_received=30)

    assert [(25, CloseReason.PAYLOAD)] == watch.batches()
    assert (5, 0) == aws.counts()


@contextmanager
def _worker(environ: dict[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``windrow run --json`` and kill it at the end if it is still there."""
    command = [sys.executable, "-m", "windrow", "run", "--json", "--quiet-wait", "1", *options]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _read_until(process: subprocess.Popen[str], word: str) -> str:
    """Read the process's stderr up to the line that begins with a word, and return that line's rest."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(word):
            return line.removeprefix(word).strip()
    raise AssertionError(f"{word} was never printed")


def test_run_works_without_a_mapping(aws: Aws) -> None:
    """A queue and options are enough; each batch is a line of JSON, the handler's prints are none."""
    aws.send(5)
    options = ("--handler", f"{HANDLERS}.succeed", "--batch-size", "5", "--window", "300", "--concurrency", "1")
    with _worker(aws.environ(WINDROW_QUEUE_URL=aws.url), *options) as process:
        wait_until("an empty queue", lambda: aws.counts() == (0, 0), cause=aws.counts)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=LIMIT_S)

    switched, batch, summary = _objects(output)
    assert 0 == process.returncode
    assert {"event": "switched", "enabled": True} == switched
    assert ("batch_finished", "ok", 5, 5, 0) == tuple(
        batch[name] for name in ("event", "outcome", "messages", "deleted", "failed")
    )
    assert ("summary", 5, 0) == tuple(summary[name] for name in ("event", "messages_deleted", "messages_in_flight"))


def test_without_a_terminal_all_is_one_stream_of_one_form(aws: Aws) -> None:
    """Engine, batches, web server and a handler that breaks: a line of JSON each on stdout, with level and time."""
    aws.send(1)
    command = [sys.executable, "-m", "windrow", "run", "--handler", f"{HANDLERS}.act", "--quiet-wait", "1"]
    options = ["--batch-size", "1", "--window", "0", "--concurrency", "1"]
    environ, pipe = aws.environ(WINDROW_QUEUE_URL=aws.url), subprocess.PIPE
    with subprocess.Popen([*command, *options], env=environ, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            while "none done" not in lines[-1]:
                lines.append(process.stdout.readline())
                assert lines[-1], "the worker ended"
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()

    entries = _objects("".join(lines) + output)
    assert ("", 0) == (errors, process.returncode)
    assert [] == [
        entry for entry in entries if not {"level", "location", "message", "service", "timestamp"} <= entry.keys()
    ]
    assert ["KeyError"] == [entry["exception_name"] for entry in entries if "exception" in entry]
    assert {"ERROR", "INFO"} <= {entry["level"] for entry in entries}
    assert "stopped" == entries[-1]["message"].partition(";")[0]


def test_sigterm_gives_back_what_is_gathered(aws: Aws) -> None:
    """A worker that is told to end leaves no message hidden in the queue."""
    mapping_id = aws.create_mapping(BatchSize=10_000, MaximumBatchingWindowInSeconds=300)
    aws.send(7)
    environ = aws.environ(WINDROW_EVENT_SOURCE_MAPPING_ID=mapping_id)
    with _worker(environ, "--handler", f"{HANDLERS}.succeed") as process:
        wait_until("7 messages in flight", lambda: aws.counts() == (0, 7), cause=aws.counts)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=LIMIT_S)

    assert 0 == process.returncode
    assert (7, 0) == aws.counts()
    assert 0 == _objects(output)[-1]["messages_in_flight"]


def test_sigterm_lets_running_batches_end(aws: Aws, tmp_path: Path) -> None:
    """A batch that runs when the signal comes is finished and its messages are deleted, even if the group is told."""
    aws.send(2)
    awaited = tmp_path / "go"
    options = ("--handler", f"{HANDLERS}.await_file", "--batch-size", "2", "--window", "0")
    with _worker(aws.environ(WINDROW_QUEUE_URL=aws.url, AWAITED=str(awaited)), *options) as process:
        _read_until(process, "waiting")
        process.send_signal(signal.SIGTERM)
        threading.Event().wait(0.5)
        assert process.poll() is None
        awaited.touch()
        output, _ = process.communicate(timeout=LIMIT_S)

    assert 0 == process.returncode
    assert (0, 0) == aws.counts()
    assert 2 == _objects(output)[-1]["messages_deleted"]


def test_second_signal_kills(aws: Aws) -> None:
    """A second signal ends the process and its workers at once; the messages stay in the queue."""
    aws.send(1)
    options = ("--handler", f"{HANDLERS}.hang", "--batch-size", "1", "--window", "0")
    with _worker(aws.environ(WINDROW_QUEUE_URL=aws.url), *options) as process:
        worker = int(_read_until(process, "hanging"))
        while process.poll() is None:  # two signals sent at once may arrive as one
            process.send_signal(signal.SIGTERM)
            threading.Event().wait(0.3)

    assert 1 == process.returncode
    assert (0, 1) == aws.counts()
    wait_until("the handler's process to end", lambda: not psutil.pid_exists(worker))


@pytest.mark.parametrize(
    ("variables", "options", "code", "named"),
    [
        ({}, (), 2, "WINDROW_QUEUE_URL"),
        ({"WINDROW_EVENT_SOURCE_MAPPING_ID": "absent"}, (), 1, "absent"),
        ({"WINDROW_QUEUE_URL": "{url}-absent"}, (), 1, "absent"),
        ({"WINDROW_QUEUE_URL": "{url}"}, ("--batch-size", "11", "--window", "0"), 2, "window_s"),
        ({"WINDROW_QUEUE_URL": "{url}"}, ("--handler", "no_such_module.handler"), 1, "no_such_module"),
    ],
)
def test_run_says_what_is_wrong(
    aws: Aws, variables: dict[str, str], options: tuple[str, ...], code: int, named: str
) -> None:
    """Wrong use exits with 2, trouble with 1, and the error names the thing."""
    environ = aws.environ(**{name: value.format(url=aws.url) for name, value in variables.items()})
    with _worker(environ, "--handler", f"{HANDLERS}.succeed", *options) as process:
        output, _ = process.communicate(timeout=LIMIT_S)

    assert code == process.returncode
    assert named in _objects(output)[-1]["error"]
