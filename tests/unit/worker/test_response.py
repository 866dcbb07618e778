"""What a response means, as AWS documents it."""

from __future__ import annotations

import json

import pytest

from windrow.core.errors import ResponseError
from windrow.worker.response import failed_ids

IDS = {"a", "b", "c"}


@pytest.mark.parametrize(
    "response",
    [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"statusCode": 200}],
    ids=["null", "empty", "empty list", "null list", "other fields"],
)
def test_all_succeeded(response: object) -> None:
    """A null or empty response, and a null, empty or absent list, say that every message succeeded."""
    assert frozenset() == failed_ids(json.dumps(response).encode(), IDS)


def test_some_failed() -> None:
    """The listed messages failed; naming one twice changes nothing."""
    items = [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}, {"itemIdentifier": "b"}]

    assert {"b", "c"} == failed_ids(json.dumps({"batchItemFailures": items}).encode(), IDS)


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"{",
        b"NaN",
        b"[" * 100_000,
        b'"ok"',
        b"[]",
        b"1",
        b'{"batchItemFailures": {}}',
        b'{"batchItemFailures": "a"}',
        b'{"batchItemFailures": ["a"]}',
        b'{"batchItemFailures": [null]}',
        b'{"batchItemFailures": [{}]}',
        b'{"batchItemFailures": [{"itemIdentifier": ""}]}',
        b'{"batchItemFailures": [{"itemIdentifier": null}]}',
        b'{"batchItemFailures": [{"itemIdentifier": 1}]}',
        b'{"batchItemFailures": [{"itemIdentifer": "a"}]}',
        b'{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "nobody"}]}',
    ],
)
def test_whole_batch_failed(response: bytes) -> None:
    """A response that does not clearly say which messages of the batch failed fails them all."""
    with pytest.raises(ResponseError):
        failed_ids(response, IDS)
