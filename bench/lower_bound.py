"""The lower bound: what any program must spend that fetches these bytes, hashes them and compresses them at this level.

One obstore GET, one SHA-256 and one call of libdeflate a file, on as many threads as Windrow has. No events, ledger,
tar, manifest, archive hash or delivery, and no buffer in between.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import deflate

from bench.meter import Figures, Meter
from bench.task import Task
from bench.testbed import Upload, store


def contend(task: Task) -> Figures:
    """Do the lower bound's work for the task's files."""
    landing = store(task.s3_endpoint, task.landing)

    def work(upload: Upload) -> int:
        data = landing.get(upload.key, options={"version": upload.version_id}).bytes()
        sha256(data).hexdigest()
        return len(deflate.gzip_compress(data, task.level))

    with ThreadPoolExecutor(task.threads) as pool:
        list(pool.map(work, task.warm))
        with Meter(task.s3_endpoint) as meter:
            list(pool.map(work, task.files))
    return meter.figures
