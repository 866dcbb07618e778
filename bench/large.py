"""One object larger than an archive: streamed through Windrow's handler, its memory, time and requests measured.

The bytes are noise, which no compressor makes smaller: all of them are staged, read back and copied. The archive is
verified afterwards, file and whole, and the staging area must be empty.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from collections.abc import Iterator, Sequence

import msgspec

from bench import machine
from bench.task import run, task
from bench.testbed import ACCESS_KEY, SECRET_KEY, Testbed, Upload, open_testbed
from windrow.archives.sources import StoredArchive
from windrow.clients.clock import SystemClock
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.clients.secrets.credentials import FixedSecrets
from windrow.core.archive.reader import Archive
from windrow.core.archive.verify import verify
from windrow.core.keys import window_of
from windrow.ports import Credentials

MIB = 1024 * 1024
BYTES = 5 * 1024 * MIB
PIECE_BYTES = 8 * MIB
MB = 1e6


class Result(msgspec.Struct, frozen=True):
    """What one object took. ``peak_mb`` is memory resident at once; ``left`` counts objects that are no archive."""

    machine: machine.Machine
    object_bytes: int
    archive_bytes: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    verify_s: float
    left: int
    requests: dict[str, int]


def noise(size: int) -> Iterator[bytes]:
    """Yield the same ``size`` bytes each time, which no compressor makes smaller."""
    generator = random.Random(size)
    for start in range(0, size, PIECE_BYTES):
        yield generator.randbytes(min(PIECE_BYTES, size - start))


def upload(place: Testbed, key: str, size: int) -> Upload:
    """Put an object of noise into the landing bucket, piece by piece."""
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for piece in noise(size):
            digest.update(piece)
            yield piece

    result = place.store(place.outputs.landing_bucket).put(key, pieces(), chunk_size=PIECE_BYTES)
    etag = str(result["e_tag"]).strip('"')
    return Upload(key, result["version"], etag, size, digest.hexdigest())


def measure(place: Testbed, size: int, *, max_archive_bytes: int) -> Result:
    """Deliver an object of ``size`` bytes with one call of the handler in a process of its own, and verify it.

    Raises:
        SystemExit: it was not delivered exactly once, or with other bytes.
    """
    (warm,) = place.upload("warm", [1000])
    work = task(place, [upload(place, "large/object", size)], [warm], prefix="")
    figures = run("bench.handler", work, place.environment(WINDROW_MAX_ARCHIVE_BYTES=str(max_archive_bytes)))
    secrets = FixedSecrets(Credentials(ACCESS_KEY, SECRET_KEY))
    outputs = place.outputs
    destination = S3MultipartDestination(
        place.s3_endpoint, outputs.destination_bucket, "us-east-1", secrets, SystemClock()
    )
    listed = list(destination.list(""))
    begun = time.perf_counter()
    found = []
    for key, archive_bytes in listed:
        source = StoredArchive(destination, key)
        files = Archive.open(source).manifest.files
        if [(file.key, file.sha256) for file in files] == [("large/object", work.files[0].sha256)]:
            verify(source, source.expected_sha256)
            found.append(archive_bytes)
    if len(found) != 1:
        raise SystemExit(f"the object is in {len(found)} archives")
    return Result(
        machine=machine.describe(),
        object_bytes=size,
        archive_bytes=found[0],
        wall_s=round(figures.wall_s, 1),
        cpu_s=round(figures.cpu_s, 1),
        peak_mb=round(figures.peak_bytes / MB, 1),
        verify_s=round(time.perf_counter() - begun, 1),
        left=sum(window_of(key) is None for key, _ in listed),
        requests=figures.calls,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print: ``python -m bench.large [--bytes N] [--json]``."""
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.add_argument("--bytes", type=int, default=BYTES, help="size of the object (%(default)s)")
    parser.add_argument("--max-archive-bytes", type=int, default=192 * MIB, help="(%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    with open_testbed() as place:
        result = measure(place, options.bytes, max_archive_bytes=options.max_archive_bytes)
    if options.json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
        return
    print(f"{result.machine}; MinIO is source and destination on the same machine")
    megabytes = result.object_bytes / MB
    print(
        f"{megabytes:,.0f} MB in {result.wall_s:.0f} s, {megabytes / result.wall_s:.0f} MB/s, CPU {result.cpu_s:.0f} s"
    )
    print(f"peak memory {result.peak_mb:.0f} MB; read back and verified in {result.verify_s:.0f} s")
    print(f"requests: {result.requests}")


if __name__ == "__main__":
    main()
