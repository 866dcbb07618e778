"""The benchmarks' files: JSON lines as a sensor gateway might send them, the same on every machine and at every run.

They compress as well as the files that the design was measured with (6 times at libdeflate's level 6, 5.5 times at
zlib's). Every file is different.
"""

from __future__ import annotations

import math
import random

FILE_BYTES = 100_000
"""The objective's average file (NFR-05)."""

MIX_MEDIAN_BYTES, MIX_MEAN_BYTES, MIX_MOST_BYTES = 20_000, 100_000, 50_000_000
"""The mixed sizes: half of the files below 20 KB, and the objective's average all the same."""

_BLOCK_BYTES = 1_000_000
"""Larger files repeat their first megabyte: generating 50 MB line by line would take longer than delivering them.

No compressor sees it: deflate looks back 32 KB.
"""
_METRICS = ("temperature", "humidity", "pressure", "vibration", "current", "flow")
_STATES = ("ok", "ok", "ok", "degraded")
_EPOCH_MS = 1_790_000_000_000


def json_lines(index: int, size_bytes: int = FILE_BYTES) -> bytes:
    """Return file number ``index``: whole lines, filled up with spaces to exactly ``size_bytes``."""
    block = _lines(index, min(size_bytes, _BLOCK_BYTES))
    if size_bytes > _BLOCK_BYTES:
        whole, rest = divmod(size_bytes, len(block))
        block = block * whole + block[: block.rfind(b"\n", 0, rest) + 1]
    return block.ljust(size_bytes, b" ")


def log_lines(index: int, size_bytes: int = FILE_BYTES) -> bytes:
    """Return file number ``index`` of a web server's access log, in the common format, cut to ``size_bytes``."""
    draw = random.Random(index)
    lines: list[str] = []
    length = 0
    while length < size_bytes:
        address = f"10.{draw.randrange(4)}.{draw.randrange(256)}.{draw.randrange(256)}"
        path = f"/{draw.choice(_METRICS)}/{draw.randrange(5000)}"
        status = draw.choice((200, 200, 200, 304, 404))
        lines.append(
            f"{address} - - [23/Nov/2026:10:{len(lines) // 60 % 60:02d}:{len(lines) % 60:02d} +0000] "
            f'"GET {path} HTTP/1.1" {status} {draw.randrange(200, 60_000)}\n'
        )
        length += len(lines[-1])
    return "".join(lines).encode()[:size_bytes]


def mixed_sizes(count: int, seed: int = 1) -> list[int]:
    """Return the sizes of ``count`` files in bytes, heavy-tailed as file sizes are: log-normal, from 1 byte to 50 MB.

    Median 20 KB and mean 100 KB, so sigma is sqrt(2 ln(100 / 20)) = 1.79: 1 in 100 files is over 1.3 MB, 1 in 10,000
    over 16 MB. The mean of a sample varies, for 1,000 files by about 15 KB.
    """
    sigma = math.sqrt(2 * math.log(MIX_MEAN_BYTES / MIX_MEDIAN_BYTES))
    draw = random.Random(seed)
    sizes = (round(draw.lognormvariate(math.log(MIX_MEDIAN_BYTES), sigma)) for _ in range(count))
    return [min(max(size, 1), MIX_MOST_BYTES) for size in sizes]


def _lines(index: int, room: int) -> bytes:
    """Return whole lines of ``room`` bytes at most."""
    draw = random.Random(index)
    moment_ms = _EPOCH_MS + index * 60_000
    lines: list[bytes] = []
    while True:
        moment_ms += draw.randrange(5, 400)
        line = (
            f'{{"ts":{moment_ms},"site":"site-{index % 40:03d}","device":"gw-{draw.randrange(900):05d}",'
            f'"metric":"{draw.choice(_METRICS)}","value":{draw.gauss(50, 12):.3f},"state":"{draw.choice(_STATES)}",'
            f'"seq":{len(lines)},"trace":"{draw.getrandbits(44):011x}"}}\n'
        ).encode()
        room -= len(line)
        if room < 0:
            break
        lines.append(line)
    return b"".join(lines)
