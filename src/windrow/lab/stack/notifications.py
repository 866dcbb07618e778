"""S3's event notifications, for a landing bucket whose server sends none to SQS."""

from __future__ import annotations

import json
import time
from datetime import datetime
from urllib.parse import quote_plus

from windrow.lab.stack.servers import REGION


def created(bucket: str, key: str, *, size: int, etag: str, version_id: str | None, moment: datetime) -> str:
    """Return the message that S3 sends when an object is created, with all of its fields.

    ``moment`` is when S3 had done with the request. Later calls have later sequencers.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AROAEXAMPLEEXAMPLE00:uploader"},
        "requestParameters": {"sourceIPAddress": "203.0.113.7"},
        "responseElements": {
            "x-amz-request-id": "C3D13FE58DE4C810",
            "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "uploads",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": {
                "key": quote_plus(key, safe="/"),
                "size": size,
                "eTag": etag,
                "versionId": version_id,
                "sequencer": f"{time.monotonic_ns():018X}",
            },
        },
    }
    return json.dumps({"Records": [record]})
