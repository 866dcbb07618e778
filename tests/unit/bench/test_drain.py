"""The emulator alone, in the backlog's benchmark: a fake queue that does not always give what it is asked for."""

import itertools
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from bench.drain import emulator_alone


class Servers:
    """A testbed and all its clients: claims are new, and of three receives one gets nothing and one a single message.

    The first request to delete messages leaves ``kept`` of them in the queue.
    """

    def __init__(self, messages: int, kept: int = 0) -> None:
        self.pids: dict[str, int] = {}
        self.outputs = SimpleNamespace(queue_url="queue")
        self.claimed = 0
        self._held = messages
        self._kept = kept
        self._waiting = [f"message-{number}" for number in range(messages)]
        self._most = itertools.cycle((10, 0, 1))
        self._lock = threading.Lock()

    def fresh_ledger(self) -> str:
        """Return a table's name."""
        return "ledger"

    def client(self, _service: str) -> "Servers":
        """Return what answers for every service."""
        return self

    def receive_message(self, **request: Any) -> dict[str, Any]:
        """Hand out up to so many messages as its turn allows."""
        with self._lock:
            most = min(next(self._most), request["MaxNumberOfMessages"])
            given, self._waiting = self._waiting[:most], self._waiting[most:]
        return {"Messages": [{"MessageId": name, "ReceiptHandle": name} for name in given]} if given else {}

    def delete_message_batch(self, **request: Any) -> None:
        """Delete messages."""
        with self._lock:
            self._held -= len(request["Entries"]) - self._kept
            self._kept = 0

    def batch_execute_statement(self, **request: Any) -> dict[str, Any]:
        """Take every claim."""
        with self._lock:
            self.claimed += len(request["Statements"])
        return {"Responses": [{} for _ in request["Statements"]]}

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        """Tell the queue's depth as one of the numbers that are asked for."""
        first, *others = request["AttributeNames"]
        return {"Attributes": {first: self._held, **dict.fromkeys(others, 0)}}


def test_receives_that_return_less_leave_no_messages_behind() -> None:
    """Each message is received, claimed and deleted, however many receives it takes."""
    servers: Any = Servers(103)

    emulator_alone(servers, 103)

    assert 103 == servers.claimed


def test_a_queue_that_is_not_empty_afterwards_gives_no_result() -> None:
    """Messages that were never served would make the emulator look faster than it is."""
    servers: Any = Servers(50, kept=2)

    with pytest.raises(SystemExit, match="left 2 of 50 messages"):
        emulator_alone(servers, 50)
