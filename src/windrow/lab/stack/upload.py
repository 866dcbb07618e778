"""Uploads samples to the landing bucket as outside parties do, at a steady rate, and records what it sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from hashlib import sha256
from typing import Any, Self

import msgspec

from windrow.lab.stack.samples import Sample

THREADS = 4


class Uploaded(msgspec.Struct, frozen=True):
    """One object version in the landing bucket, and what its bytes are."""

    key: str
    version_id: str
    size: int
    sha256: str


class Uploader:
    """Uploads in the background while its ``with`` block runs; leaving it cancels what is not sent yet."""

    def __init__(self, client: Any, bucket: str, samples: Sequence[Sample], rate: float) -> None:  # noqa: ANN401
        self._client = client
        self._bucket = bucket
        self._samples = samples
        self._rate = rate
        self._executor = ThreadPoolExecutor(THREADS, "windrow-upload")
        self._futures: list[Future[Uploaded]] = []

    @property
    def done(self) -> bool:
        """Whether every sample is uploaded. Raises what an upload raised."""
        wait(self._futures, timeout=0, return_when=FIRST_EXCEPTION)
        for future in self._futures:
            if future.done():
                future.result()
        return all(future.done() for future in self._futures)

    @property
    def count(self) -> int:
        """How many samples are uploaded so far."""
        return sum(future.done() for future in self._futures)

    def uploaded(self) -> list[Uploaded]:
        """Wait for all uploads that were not cancelled; return them in the order of the samples."""
        return [future.result() for future in self._futures if not future.cancelled()]

    def __enter__(self) -> Self:
        start = time.monotonic()
        self._futures = [
            self._executor.submit(self._upload, sample, start + index / self._rate)
            for index, sample in enumerate(self._samples)
        ]
        return self

    def __exit__(self, *_error: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def _upload(self, sample: Sample, due: float) -> Uploaded:
        content = sample.read()
        time.sleep(max(0.0, due - time.monotonic()))
        reply = self._client.put_object(Bucket=self._bucket, Key=sample.key, Body=content)
        return Uploaded(sample.key, reply["VersionId"], len(content), sha256(content).hexdigest())
