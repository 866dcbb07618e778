"""SQS messages as Lambda hands them over, with S3 event notifications inside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bench.testbed import Upload
from windrow.lab.stack.notifications import created


def body(upload: Upload, bucket: str, moment: datetime) -> str:
    """Return the S3 event notification of one upload."""
    return created(bucket, upload.key, size=upload.size, etag=upload.etag, version_id=upload.version_id, moment=moment)


def batch(uploads: Sequence[Upload], bucket: str) -> dict[str, Any]:
    """Return a Lambda event with one message for each upload, all of the present minute."""
    moment = datetime.now(UTC)
    return {"Records": [_record(number, body(upload, bucket, moment)) for number, upload in enumerate(uploads)]}


def _record(number: int, text: str) -> dict[str, Any]:
    sent_ms = str(int(time.time() * 1000))
    return {
        "messageId": f"00000000-0000-4000-8000-{number:012d}",
        "receiptHandle": f"AQEB{number:060d}",
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": sent_ms,
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": sent_ms,
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-2:000000000000:windrow-uploads",
        "awsRegion": "eu-west-2",
    }
