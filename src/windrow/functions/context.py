"""What is used of the context object that Lambda gives each invocation."""

from __future__ import annotations

from typing import Protocol


class Context(Protocol):
    """See https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long this invocation may still run."""
