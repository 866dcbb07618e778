"""Lambda entry point of the aggregator: an SQS batch in, a partial batch response out.

The formats are AWS's: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and, for the response,
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from windrow import bootstrap, settings
from windrow.clients import logs
from windrow.core.events import Message
from windrow.pipeline.aggregator import Aggregator
from windrow.ports import Context


def handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Process one batch; messages listed in the response stay in the queue.

    Raises:
        SettingsError: the environment is wrong; the whole batch stays in the queue.
    """
    logs.set_up().append_keys(request_id=context.aws_request_id)
    failed = _aggregator().process(
        [_message(record) for record in event["Records"]],
        owner=context.aws_request_id,
        remaining_s=context.get_remaining_time_in_millis() / 1000,
    )
    _freeze()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@cache
def _aggregator() -> Aggregator:
    """Build the aggregator at the first call, so that an import neither fails nor opens connections."""
    return bootstrap.aggregator(settings.load(os.environ))


@cache
def _freeze() -> None:
    """Exclude the objects that exist after the first batch, clients and code, from garbage collection.

    A collection of all of them takes 80 ms of CPU, in the middle of a later batch.
    """
    gc.freeze()


def _message(record: Mapping[str, Any]) -> Message:
    attributes = record["attributes"]
    texts = {
        name: value["stringValue"]
        for name, value in (record.get("messageAttributes") or {}).items()
        if value.get("stringValue") is not None
    }
    return Message(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        receive_count=int(attributes["ApproximateReceiveCount"]),
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        attributes=texts,
    )
