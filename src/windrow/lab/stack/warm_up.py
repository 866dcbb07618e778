"""Has ElasticMQ compile its code before it is part of a measurement.

To send, receive and delete 1,000 messages takes 8.6 s of CPU at first, 2.2 s at the fifth time, 1.2 s at the twelfth.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import boto3

from windrow.core.sqs import MESSAGES_A_CALL

SHARE = 10
MESSAGES_MOST = 10_000
THREADS = 4
BODY = "x" * 1_000
"""As long as an event of S3."""


def warm_up(messages: int) -> None:
    """Send, receive and delete a tenth of the ``messages`` that are to come, 10,000 at most, on a queue of its own.

    The queue's server is that of the ``AWS_*`` variables of this process.
    """
    sqs: Any = boto3.client("sqs")
    url = sqs.create_queue(QueueName=f"warm-up-{uuid4().hex}")["QueueUrl"]

    def ten(_number: int) -> None:
        ids = [str(number) for number in range(MESSAGES_A_CALL)]
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": each, "MessageBody": BODY} for each in ids])
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=MESSAGES_A_CALL,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        received = zip(ids, answer.get("Messages", ()), strict=False)
        if entries := [{"Id": each, "ReceiptHandle": message["ReceiptHandle"]} for each, message in received]:
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ten, range(min(messages // SHARE, MESSAGES_MOST) // MESSAGES_A_CALL)))
    sqs.delete_queue(QueueUrl=url)
