"""Reads which messages failed from a function's response.

The conditions are AWS's, "Success and failure conditions" in
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html: an empty or null list and an empty or
null response are a complete success; invalid JSON, an empty, null or unknown ``itemIdentifier``, or one under a
wrong key name, a complete failure.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import msgspec

from windrow.core.errors import ResponseError


def failed_ids(response: bytes, message_ids: AbstractSet[str]) -> frozenset[str]:
    """Return the ids of the messages that failed, for a mapping with ``ReportBatchItemFailures``.

    ``response`` is JSON text, ``message_ids`` are those of the batch.

    Raises:
        ResponseError: AWS would treat the whole batch as failed.
    """
    try:
        decoded = msgspec.json.decode(response)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ResponseError(f"the response is not valid JSON: {error}") from error
    if decoded is None:
        return frozenset()
    if not isinstance(decoded, dict):
        raise ResponseError(f"the response must be an object or null, not {type(decoded).__name__}")
    failures = decoded.get("batchItemFailures")
    if failures is None:
        return frozenset()
    if not isinstance(failures, list):
        raise ResponseError(f"batchItemFailures must be a list, not {type(failures).__name__}")
    return frozenset(_item_id(item, message_ids) for item in failures)


def _item_id(item: object, message_ids: AbstractSet[str]) -> str:
    identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
    if not isinstance(identifier, str) or not identifier:
        raise ResponseError("an item of batchItemFailures has no itemIdentifier")
    if identifier not in message_ids:
        raise ResponseError(f"itemIdentifier {identifier[:100]!r} names no message of the batch")
    return identifier
