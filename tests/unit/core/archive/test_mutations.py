"""Archives changed at random: each is read as it was, or refused with the one error; within little memory and time."""

from __future__ import annotations

import random
import resource
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.archives import MemorySource, archive_of, joined, rebuilt, segment, with_manifest
from tests.limited import limit, needs_limits, run
from windrow.core.archive.member import FLUSH, HEAD, LAST_BLOCK, TAIL_BYTES
from windrow.core.archive.reader import Archive
from windrow.core.archive.verify import verify
from windrow.core.errors import ArchiveError
from windrow.core.manifest import MAX_NUMBER, Frame

MORE_MIB = 64
CPU_S = 0.02
"""Of a processor, for each mutation at most, with three readings; a tenth of it does."""

MOST_SAID = 500

FILES = [
    ("a.txt", b"first"),
    ("b/empty", b""),
    ("b/\u00fc.bin", bytes(range(256)) * 9),
    ("deep/" * 60 + "n", b"x" * 5_000),
    ("noise", random.Random(5).randbytes(4_000)),
]
SEALED = archive_of(FILES, files_a_frame=2)
DATA = joined(SEALED)
FIRST = int(SEALED.metadata["manifest-bytes"])
DOCUMENT = msgspec.json.encode(SEALED.manifest)
TEXTS = [
    b"",
    b"data/a.txt",
    b"data/../x",
    b"data/" + b"n" * 3_000,
    b"\\u0000",
    b"\\ud800",
    b"x" * 70_000,
    b"1970-01-01T00:00:00Z",
]
NUMBERS = [0, 1, 511, 512, 10**6, 2**31, 2**32, MAX_NUMBER, MAX_NUMBER + 1, 10**30, -1]
VALUES: list[Any] = [*NUMBERS[:8], None, [], {}, *(text.decode() for text in TEXTS if b"\\" not in text)]


def flip(rng: random.Random, data: bytearray) -> None:
    """Change some bits."""
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite(rng: random.Random, data: bytearray) -> None:
    """Put something else somewhere."""
    at = rng.randrange(len(data))
    what = rng.choice([FLUSH, LAST_BLOCK, HEAD, b"\x00" * 40, b"\xff" * 40, rng.randbytes(rng.randint(1, 60))])
    data[at : at + len(what)] = what


def cut(rng: random.Random, data: bytearray) -> None:
    """Take bytes out, or from the end."""
    at = rng.randrange(len(data))
    del data[at : rng.choice([at + 1, at + rng.randint(1, 300), len(data)])]


def insert(rng: random.Random, data: bytearray) -> None:
    """Put bytes in, of the archive's own or others."""
    at, start = rng.randrange(len(data) + 1), rng.randrange(len(data))
    data[at:at] = rng.choice([data[start : start + rng.randint(1, 600)], rng.randbytes(rng.randint(1, 50)), FLUSH])


def exchange(rng: random.Random, data: bytearray) -> None:
    """Let two spans change places."""
    first, second = sorted(rng.sample(range(len(data)), 2))
    size = rng.randint(1, max(1, second - first))
    data[first : first + size], data[second : second + size] = data[second : second + size], data[first : first + size]


CHANGES: list[Callable[[random.Random, bytearray], None]] = [flip, overwrite, cut, insert, exchange]


def told_otherwise(rng: random.Random) -> bytes:
    """Return an archive that is a sound gzip file, and whose manifest tells another story."""
    document = msgspec.json.decode(DOCUMENT)
    for _ in range(rng.randint(1, 3)):
        target = rng.choice([document, *document["files"], *document["frames"]])
        if not target:
            continue
        name = rng.choice(sorted(target))
        value = target[name]
        if isinstance(value, int) and not rng.randrange(3):
            target[name] = max(0, value + rng.choice([-512, -1, 1, 512]))
        elif isinstance(value, list) and value:
            target[name] = rng.choice([value[::-1], [], value[1:], value[:-1], [*value, value[0]]])
        else:
            target[name] = rng.choice(VALUES)
    if rng.randrange(2):
        return with_manifest(msgspec.json.encode(document), SEALED)
    raw = bytearray(msgspec.json.encode(document))
    at = rng.randrange(len(raw))
    raw[at:at] = rng.choice([*TEXTS, *(b"%d" % number for number in NUMBERS), b"[" * 5_000, b'"', b","])
    return with_manifest(bytes(raw), SEALED)


def repacked(rng: random.Random) -> bytes:
    """Return an archive that is a sound gzip file, and whose frames do not hold what its manifest tells."""
    frames, table, offset = [], [], 0
    for chunk in SEALED.chunks[1:-1]:
        raw = bytearray(zlib.decompressobj(wbits=-15).decompress(bytes(chunk)))
        rng.choice(CHANGES)(rng, raw)
        frames.append(segment(bytes(raw), rng.choice([1, 6])))
        table.append(Frame(offset, len(frames[-1])))
        offset += len(frames[-1])
    return rebuilt(msgspec.structs.replace(SEALED.manifest, frames=table), frames)


def mutated(rng: random.Random) -> bytes:
    """Return an archive that something is wrong with."""
    kind = rng.randrange(6)
    if kind < len(STORIES):
        return STORIES[kind](rng)
    data = bytearray(DATA)
    for _ in range(rng.choice([1, 1, 2, 3])):
        if data:
            rng.choice(CHANGES)(rng, data)
    return bytes(data)


STORIES = (told_otherwise, repacked)


def outcome(data: bytes, manifest_bytes: int | None) -> str:
    """Read an archive in all ways, and tell how it ended; other errors than the one come through."""
    try:
        archive = Archive.open(MemorySource(data, manifest_bytes))
        read = {file.key: b"".join(archive.read(file)) for file in archive.manifest.files}
        verify(MemorySource(data, manifest_bytes))
    except ArchiveError as error:
        return "refused" if len(str(error)) < MOST_SAID else "refused with a flood of words"
    return "as it was" if read == dict(FILES) else "another archive"


def outcomes(first: int, count: int) -> dict[str, int]:
    """Mutate so many times, with memory and processor limited; return how the readings ended."""
    limit(MORE_MIB)
    used = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2])) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + 10 + int(count * CPU_S),) * 2)
    ended: Counter[str] = Counter()
    for seed in range(first, first + count):
        rng = random.Random(seed)
        data = mutated(rng)
        lengths = [None, FIRST, rng.choice([0, 1, FIRST - 1, FIRST + 1, len(data) - TAIL_BYTES, 10**12, len(data)])]
        ended.update(outcome(data, known) for known in lengths)
    return dict(ended)


def some() -> dict[str, int]:
    """Return the ends of the first."""
    return outcomes(0, 1_500)


def all_of_them() -> dict[str, int]:
    """Return the ends of all."""
    return outcomes(0, 15_000)


@needs_limits
@pytest.mark.parametrize(("scope", "count"), [(some, 1_500), pytest.param(all_of_them, 15_000, marks=pytest.mark.slow)])
def test_a_changed_archive_reads_as_it_was_or_is_refused(scope: Callable[[], dict[str, int]], count: int) -> None:
    """Another error, too much memory, or an endless loop would end the process; another content has another name.

    What reads as it was had its change undone by a later one, or where deflate has bits without a meaning. A manifest
    that lies about what only the uploader knows (a key, an ETag) cannot be found out, and reads as another archive.
    """
    ended = run(scope)

    assert 3 * count == sum(ended.values())
    assert {"refused", "as it was", "another archive"} >= set(ended)
    assert 2.9 * count < ended["refused"]
