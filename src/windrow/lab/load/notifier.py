"""Sends the events of uploads to the queue, where the landing bucket's server sends none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from windrow.core.sqs import MESSAGES_A_CALL

LINGER_S = 0.05
"""How long an event waits for others of its request: at 200 files/s and more, a request has ten of them."""

Send = Callable[[Sequence[Mapping[str, str]]], Mapping[str, Any]]
"""Sends entries by one SendMessageBatch, and returns its answer."""


class Notifier:
    """Sends each event as one message, up to ten of them a request. Belongs to one event loop."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def notify(self, event: str) -> None:
        """Return when the queue has the message; raises what the request raised, or `ValueError` if it was refused."""
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            loop.call_later(LINGER_S, self._flush)
        self._waiting.append((event, accepted))
        if len(self._waiting) == MESSAGES_A_CALL:
            self._flush()
        await accepted

    def _flush(self) -> None:
        """Send what waits; a timer that comes after a full request finds nothing, or the next events early."""
        if self._waiting:
            task = asyncio.get_running_loop().create_task(self._deliver(self._waiting))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
            self._waiting = []

    async def _deliver(self, events: Sequence[tuple[str, asyncio.Future[None]]]) -> None:
        entries = [{"Id": str(number), "MessageBody": event} for number, (event, _) in enumerate(events)]
        try:
            answer = await asyncio.to_thread(self._send, entries)
            taken = {entry["Id"] for entry in answer.get("Successful", ())}
            refused: BaseException = ValueError(f"the queue refused messages: {answer.get('Failed')}")
        except Exception as error:  # noqa: BLE001 - whatever a client raises is the failure of these uploads
            taken, refused = set(), error
        for number, (_, accepted) in enumerate(events):
            if accepted.done():  # its upload was given up
                continue
            if str(number) in taken:
                accepted.set_result(None)
            else:
                accepted.set_exception(refused)
