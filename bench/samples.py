"""The benchmarks' files: JSON lines as a sensor gateway might send them, the same on every machine and at every run.

They compress as well as the files that the design was measured with (6 times at libdeflate's level 6, 5.5 times at
zlib's). Every file is different.
"""

from __future__ import annotations

import random

FILE_BYTES = 100_000
"""The objective's average file (NFR-05)."""

_METRICS = ("temperature", "humidity", "pressure", "vibration", "current", "flow")
_STATES = ("ok", "ok", "ok", "degraded")
_EPOCH_MS = 1_790_000_000_000


def json_lines(index: int, size_bytes: int = FILE_BYTES) -> bytes:
    """Return file number ``index``: whole lines, filled up with spaces to exactly ``size_bytes``."""
    draw = random.Random(index)
    moment_ms = _EPOCH_MS + index * 60_000
    lines: list[bytes] = []
    room = size_bytes
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
    return b"".join(lines).ljust(size_bytes, b" ")
