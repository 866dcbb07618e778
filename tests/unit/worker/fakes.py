"""A queue that delivers by a fake clock, and an executor without threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from botocore.exceptions import ClientError

from windrow.testing import FakeClock

QUEUE_URL = "http://127.0.0.1/000000000000/uploads"
QUEUE_ARN = "arn:aws:sqs:eu-west-2:000000000000:uploads"


class InlineExecutor(Executor):
    """Runs what is submitted at once, on the caller's thread."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the work and return its finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the future's result
            future.set_exception(error)
        return future


class FakeSqs:
    """The calls of an SQS client that the engine makes. ``arrivals`` are (seconds from the start, body)."""

    def __init__(self, clock: FakeClock, arrivals: list[tuple[float, str]], visibility_s: int = 3600) -> None:
        self.clock = clock
        self.start = clock.monotonic()
        self.waiting = [
            (at, self._message(number, body)) for number, (at, body) in enumerate(sorted(arrivals, key=lambda a: a[0]))
        ]
        self.visibility_s = visibility_s
        self.receives: list[tuple[int, int]] = []
        self.deleted: list[str] = []
        self.shown: list[str] = []
        self.refusals: list[Exception | set[str]] = []

    @staticmethod
    def _message(number: int, body: str) -> dict[str, Any]:
        return {
            "MessageId": f"m{number}",
            "ReceiptHandle": f"r{number}",
            "Body": body,
            "MD5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1", "SenderId": "x"},
        }

    def receive_message(self, **request: Any) -> dict[str, Any]:
        """Give what has arrived, or move the time on to the next arrival within the wait."""
        count, wait_s = request["MaxNumberOfMessages"], request["WaitTimeSeconds"]
        self.receives.append((count, wait_s))
        if self.refusals and isinstance(self.refusals[0], Exception):
            raise self.refusals.pop(0)  # type: ignore[misc]
        now_s = self.clock.monotonic()
        end = now_s + wait_s
        first = self.start + self.waiting[0][0] if self.waiting else end
        self.clock.advance(max(0.0, min(end, first) - now_s))
        there = [message for at, message in self.waiting if self.start + at <= self.clock.monotonic()][:count]
        self.waiting = self.waiting[len(there) :]
        return {"Messages": there} if there else {}

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """Delete all but what the next refusal names."""
        refused: set[str] = set()
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, Exception):
                raise refusal
            refused = refusal
        self.deleted += [entry["ReceiptHandle"] for entry in Entries if entry["ReceiptHandle"] not in refused]
        failed = [
            {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
            for entry in Entries
            if entry["ReceiptHandle"] in refused
        ]
        done = [{"Id": entry["Id"]} for entry in Entries if entry["ReceiptHandle"] not in refused]
        return {"Successful": done, "Failed": failed}

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """Record what is shown again."""
        if any(entry["VisibilityTimeout"] != 0 for entry in Entries):
            raise AssertionError(Entries)
        self.shown += [entry["ReceiptHandle"] for entry in Entries]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        """Give the visibility timeout."""
        return {"Attributes": {"VisibilityTimeout": str(self.visibility_s)}}


def aws_error(code: str = "InternalError") -> ClientError:
    """Return an error as boto3 raises it."""
    return ClientError({"Error": {"Code": code, "Message": "injected"}}, "Operation")
