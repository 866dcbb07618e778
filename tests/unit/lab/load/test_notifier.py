from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from windrow.lab.load.notifier import Notifier


class Queue:
    """Takes messages, but refuses those whose body is in ``refused``."""

    def __init__(self, refused: Sequence[str] = ()) -> None:
        self.requests: list[list[str]] = []
        self._refused = refused

    def send(self, entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """Answer as SendMessageBatch does."""
        self.requests.append([entry["MessageBody"] for entry in entries])
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in entries:
            kind = "Failed" if entry["MessageBody"] in self._refused else "Successful"
            answer[kind].append({"Id": entry["Id"]})
        return answer


async def notify_all(notifier: Notifier, events: Sequence[str]) -> list[BaseException | None]:
    """Send all at once; return what each raised."""
    return await asyncio.gather(*map(notifier.notify, events), return_exceptions=True)


def test_each_event_is_one_message_and_ten_are_a_request() -> None:
    """Full requests leave at once, and the rest when nothing more comes."""
    queue, events = Queue(), [f"event {number}" for number in range(23)]
    assert [None] * 23 == asyncio.run(notify_all(Notifier(queue.send), events))
    assert [10, 10, 3] == sorted(map(len, queue.requests), reverse=True)
    assert sorted(events) == sorted(event for request in queue.requests for event in request)


def test_an_event_alone_is_sent_too() -> None:
    """It waits a moment for others, not for ever; later events start anew."""
    queue = Queue()

    async def one_after_the_other() -> None:
        notifier = Notifier(queue.send)
        await notifier.notify("first")
        await notifier.notify("second")

    asyncio.run(one_after_the_other())
    assert [["first"], ["second"]] == queue.requests


def test_a_refused_message_fails_its_upload_alone() -> None:
    """The file would never be delivered, which must not look like a file that was lost."""
    first, second = asyncio.run(notify_all(Notifier(Queue(["b"]).send), ["a", "b"]))
    assert first is None
    assert "the queue refused messages" in str(second)


def test_a_failed_request_fails_all_its_uploads() -> None:
    """Each of them raises what the request raised."""

    def send(_entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        raise ConnectionError("reset by peer")

    answers = asyncio.run(notify_all(Notifier(send), ["a", "b"]))
    assert ["reset by peer"] * 2 == [str(answer) for answer in answers]


def test_an_upload_that_was_given_up_harms_no_other() -> None:
    """Its event may be in the queue or not; the others of the request are told."""
    queue = Queue()

    async def give_one_up() -> None:
        notifier = Notifier(queue.send)
        given_up, kept = (asyncio.create_task(notifier.notify(event)) for event in ("a", "b"))
        await asyncio.sleep(0)
        given_up.cancel()
        await kept
        with pytest.raises(asyncio.CancelledError):
            await given_up

    asyncio.run(give_one_up())
    assert [["a", "b"]] == queue.requests
