"""Bodies to upload: each different, each cheap to make and to hash."""

from __future__ import annotations

from hashlib import sha256

from windrow.lab.stack.samples import generate

TEMPLATES = 64
"""Different contents; far more than fit the 32 kB in which gzip sees a repetition."""
SMALLEST_BYTES = 100


class Bodies:
    """Makes the numbered bodies of one run, ``size`` bytes each (at least 100).

    A body is one of 64 contents, cut from the sample files of the demo, and a last line with run and number. Each
    content is hashed once; a body then costs a copy and the hash of its last line, so that the generator takes little
    of the processors that it shares with what it measures.
    """

    def __init__(self, run: str, size: int) -> None:
        self._run = run
        self._heads: list[bytes] = []
        self._hashes = []
        head_bytes = size - len(self._stamp(0))
        for content in _contents(max(0, head_bytes)):
            self._heads.append(content)
            self._hashes.append(sha256(content))

    def make(self, number: int) -> tuple[bytes, str]:
        """Return the body and its SHA-256 in hex."""
        stamp = self._stamp(number)
        template = number % TEMPLATES
        digest = self._hashes[template].copy()
        digest.update(stamp)
        return self._heads[template] + stamp, digest.hexdigest()

    def key(self, number: int) -> str:
        """Return the key to upload it under."""
        return f"load-{self._run}/{number // 1000:04d}/{number:07d}.jsonl"

    def _stamp(self, number: int) -> bytes:
        return f'\n{{"run": "{self._run}", "number": {number:09d}}}\n'.encode()


def _contents(size: int) -> list[bytes]:
    """Return the templates: the demo's samples, end to end, cut into equal pieces."""
    stream = bytearray()
    pieces: list[bytes] = []
    for sample in generate(10 * TEMPLATES * (1 + size // 10_000), seed=1):
        stream += sample.read()
        while len(stream) >= size and len(pieces) < TEMPLATES:
            pieces.append(bytes(stream[:size]))
            del stream[:size]
        if len(pieces) == TEMPLATES:
            break
    return pieces
