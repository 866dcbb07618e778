"""Uploads on schedule, open loop: a slow answer delays no later upload, so the load is what was asked for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import msgspec
import obstore
from botocore.config import Config
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from windrow.lab.load.bodies import Bodies
from windrow.lab.load.notifier import Notifier
from windrow.lab.stack.notifications import created
from windrow.lab.stack.provision import StackOutputs
from windrow.lab.stack.upload import Uploaded

PUT_LIMIT_S = 60.0
"""An upload that takes longer has failed; the emulator answers in milliseconds."""

Put = Callable[[str, bytes], Awaitable[str]]
"""Uploads a body under a key; returns the version id."""


class Sent(msgspec.Struct, frozen=True):
    """One upload that was answered; times in seconds from the start of the run."""

    file: Uploaded
    due_s: float
    begun_s: float
    ended_s: float

    @property
    def lag_s(self) -> float:
        """How late it began."""
        return self.begun_s - self.due_s


class Generator:
    """Uploads numbered bodies when they are due. `sent` and `failed` grow while it runs and may be read meanwhile."""

    def __init__(self, put: Put, bodies: Bodies, now: Callable[[], float] = time.monotonic) -> None:
        self._put = put
        self._bodies = bodies
        self._now = now
        self.sent: list[Sent] = []
        self.failed: list[str] = []

    def run(self, due: Iterable[float], begun: float, stop: threading.Event) -> None:
        """Upload until all uploads are answered, or ``stop`` is set.

        ``begun`` is the clock's time from which the seconds of ``due`` count.
        """
        asyncio.run(self._run(due, begun, stop))

    async def _run(self, due: Iterable[float], begun: float, stop: threading.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, due_s in enumerate(due):
                body, digest = self._bodies.make(number)
                await asyncio.sleep(max(0.0, begun + due_s - self._now()))
                if stop.is_set():
                    return
                tasks.create_task(self._upload(number, body, digest, due_s, begun))

    async def _upload(self, number: int, body: bytes, digest: str, due_s: float, begun: float) -> None:
        key = self._bodies.key(number)
        begun_s = self._now() - begun
        try:
            version = await asyncio.wait_for(self._put(key, body), PUT_LIMIT_S)
        except Exception as error:  # noqa: BLE001 - whatever a client raises is this upload's failure
            self.failed.append(f"{key}: {type(error).__name__}: {error}")
        else:
            file = Uploaded(key, version, len(body), digest)
            self.sent.append(Sent(file, due_s, begun_s, self._now() - begun))


def landing_put(outputs: StackOutputs) -> Put:
    """Return the upload to a stack's landing bucket, with the ``AWS_*`` variables of this process.

    If the bucket's server sends no events, an upload is done when its event is in the queue too.
    """
    session = boto3.Session()
    bucket, notify = outputs.landing_bucket, _notify(session, outputs)
    endpoint = session.client("s3").meta.endpoint_url
    store = S3Store(
        bucket,
        endpoint=endpoint,
        region=session.region_name,
        client_options={"allow_http": endpoint.startswith("http://"), "timeout": timedelta(seconds=PUT_LIMIT_S)},
        # An upload repeated after a lost answer would be a second version, and another file.
        retry_config={"max_retries": 0},
        credential_provider=Boto3CredentialProvider(session),
    )

    async def put(key: str, body: bytes) -> str:
        answer = await obstore.put_async(store, key, body)
        version, moment = answer["version"], datetime.now(UTC)
        if version is None:
            raise ValueError("the landing bucket gave no version id: it must be versioned")
        if notify:
            etag = str(answer["e_tag"]).strip('"')
            await notify(created(bucket, key, size=len(body), etag=etag, version_id=version, moment=moment))
        return version

    return put


def _notify(session: boto3.Session, outputs: StackOutputs) -> Callable[[str], Awaitable[None]] | None:
    if outputs.fast is None:
        return None
    sqs: Any = session.client("sqs", config=Config(retries={"total_max_attempts": 1}))  # as for uploads
    return Notifier(lambda entries: sqs.send_message_batch(QueueUrl=outputs.queue_url, Entries=entries)).notify
