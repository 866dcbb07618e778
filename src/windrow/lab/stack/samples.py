"""Files to upload: generated ones like those that parties send, or a folder of the user's own."""

from __future__ import annotations

import json
import os
import random
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from windrow.core.errors import SettingsError
from windrow.core.events import MAX_KEY_BYTES

MEDIAN_BYTES = 70_000
SPREAD = 0.85
"""A log-normal distribution with this median and sigma has a mean of 100 KB."""
SMALLEST_BYTES = 2_000
LARGEST_BYTES = 1_000_000

ODD_KEYS = (
    "odd/with space.txt",
    "odd/plus+equals=and&.txt",
    "odd/100%25 sure%2F.txt",
    "odd/Übergröße naïve.txt",
    "odd/発票-🧾.txt",
    "odd/new\nline.txt",
    "odd/a//double slash.txt",
    "odd/../dots.txt",
    "/odd/leading slash.txt",
    "odd/trailing slash/",
)
"""Keys that S3 allows and that break software; with over ten times as many samples, each is used once."""

_START = datetime(2026, 1, 1, tzinfo=UTC)
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "juniper", "kelp", "maple")


class Sample(msgspec.Struct, frozen=True):
    """One file to upload: its S3 key, and how to obtain its bytes (the same at every call)."""

    key: str
    read: Callable[[], bytes]


def generate(count: int, seed: int = 0) -> list[Sample]:
    """Return ``count`` samples: JSON lines, CSV, XML and PNG images, 100 KB on average, 2 KB to 1 MB.

    The same count and seed give the same keys and bytes. Bytes are made when read, so that memory holds few of them.
    """
    odd = ODD_KEYS if count > 10 * len(ODD_KEYS) else ()
    regular = [_generated(index, seed) for index in range(count - len(odd))]
    return regular + [Sample(key, lambda key=key: f"the key is {key!r}\n".encode()) for key in odd]  # type: ignore[misc]


def from_folder(folder: Path, left_out: Callable[[Path], object] = lambda _path: None) -> list[Sample]:
    """Return a sample for each regular file below the folder; its key is its path there, with ``/``.

    Symbolic links are not followed, since they may lead anywhere; ``left_out`` is called with each.

    Raises:
        SettingsError: there is no such folder, it holds no file, or a name can't be an S3 key.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder} is not a folder")
    samples = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        paths = [Path(parent) / name for name in sorted([*names, *folders])]
        for path in filter(Path.is_symlink, paths):
            left_out(path)
        regular = (path for path in paths if path.is_file() and not path.is_symlink())
        samples += [Sample(_key(path, folder), path.read_bytes) for path in regular]
    if not samples:
        raise SettingsError(f"{folder} holds no files")
    return samples


def _key(path: Path, folder: Path) -> str:
    key = path.relative_to(folder).as_posix()
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise SettingsError(f"the name {os.fsencode(path)!r} is not UTF-8, so it can't be an S3 key") from None
    if length > MAX_KEY_BYTES:
        raise SettingsError(f"the path {key[:100]!r}... has {length} bytes, S3 keys at most {MAX_KEY_BYTES}")
    return key


def _generated(index: int, seed: int) -> Sample:
    dice = random.Random(f"{seed}/{index}")  # noqa: S311 - sample data
    suffix, make = dice.choices(
        [("orders.jsonl", _json_lines), ("readings.csv", _csv), ("invoice.xml", _xml), ("scan.png", _png)],
        weights=[50, 25, 15, 10],
    )[0]
    size = min(LARGEST_BYTES, max(SMALLEST_BYTES, int(dice.lognormvariate(0, SPREAD) * MEDIAN_BYTES)))
    party = dice.choice(_WORDS)
    day = _START + timedelta(days=index % 28)

    def read() -> bytes:
        return make(random.Random(f"{seed}/{index}/content"), size)  # noqa: S311 - sample data

    return Sample(f"{party}/{day:%Y-%m-%d}/{index:06d}-{suffix}", read)


def _until(size: int, head: str, line: Callable[[int], str], tail: str = "") -> bytes:
    """Return head, lines and tail, just over ``size`` bytes of ASCII."""
    parts = [head]
    length = len(head) + len(tail)
    while length < size:
        parts.append(line(len(parts)))
        length += len(parts[-1])
    return "".join([*parts, tail]).encode("ascii")


def _moment(dice: random.Random, number: int) -> str:
    return (_START + timedelta(seconds=number * 37 + dice.randrange(30))).isoformat()


def _json_lines(dice: random.Random, size: int) -> bytes:
    def line(number: int) -> str:
        order = {
            "order_id": f"{dice.getrandbits(64):016x}",
            "placed_at": _moment(dice, number),
            "customer": {"id": dice.randrange(100_000), "region": dice.choice(_WORDS)},
            "items": [
                {"sku": f"{dice.choice(_WORDS)}-{dice.randrange(1000):03d}", "count": dice.randrange(1, 9)}
                for _ in range(dice.randrange(1, 5))
            ],
            "total": dice.randrange(100, 500_000) / 100,
            "paid": dice.random() < 0.9,  # noqa: PLR2004 - sample data
        }
        return json.dumps(order) + "\n"

    return _until(size, "", line)


def _csv(dice: random.Random, size: int) -> bytes:
    def line(number: int) -> str:
        return (
            f"{_moment(dice, number)},{dice.choice(_WORDS)}-{dice.randrange(40):02d},"
            f"{dice.gauss(18, 6):.3f},{dice.gauss(1013, 9):.2f},{dice.randrange(101)},ok\r\n"
        )

    return _until(size, "time,station,temperature_c,pressure_hpa,humidity_percent,status\r\n", line)


def _xml(dice: random.Random, size: int) -> bytes:
    def line(number: int) -> str:
        return (
            f'  <line number="{number}" article="{dice.choice(_WORDS)}-{dice.randrange(1000):03d}">\n'
            f"    <quantity>{dice.randrange(1, 100)}</quantity>\n"
            f'    <price currency="GBP">{dice.randrange(100, 100_000) / 100:.2f}</price>\n  </line>\n'
        )

    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<invoice id="{dice.getrandbits(48):012x}">\n'
    return _until(size, head, line, "</invoice>\n")


def _png(dice: random.Random, size: int) -> bytes:
    """Return a grey image of noise, as a scanner gives: it does not compress further."""
    width = 320
    height = max(1, size // (width + 1))
    rows = b"".join(b"\0" + dice.randbytes(width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
