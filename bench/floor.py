"""The floor: what any program must spend that fetches these bytes, hashes them and compresses them at this level.

One obstore GET and one SHA-256 a file, one call of libdeflate for as many files as Windrow frames together, on as
many threads. No events, ledger, tar, manifest, archive hash or delivery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import deflate

from bench.meter import Figures, Meter
from bench.stand import Upload, store
from bench.task import Task

FRAME_BYTES = 1024 * 1024


def contend(task: Task) -> Figures:
    """Do the floor's work for the task's files."""
    landing = store(task.s3_endpoint, task.landing)

    def work(group: Sequence[Upload]) -> int:
        bodies = []
        for upload in group:
            data = landing.get(upload.key, options={"version": upload.version_id}).bytes()
            sha256(data).hexdigest()
            bodies.append(data)
        return len(deflate.gzip_compress(b"".join(bodies), task.level))

    with ThreadPoolExecutor(task.threads) as pool:
        list(pool.map(work, _groups(task.warm)))
        groups = list(_groups(task.files))
        with Meter(task.s3_endpoint) as meter:
            list(pool.map(work, groups))
    return meter.figures


def _groups(uploads: Sequence[Upload]) -> Iterator[list[Upload]]:
    group: list[Upload] = []
    for upload in uploads:
        if group and sum(member.size for member in group) + upload.size > FRAME_BYTES:
            yield group
            group = []
        group.append(upload)
    if group:
        yield group
