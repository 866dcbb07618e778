from __future__ import annotations

import asyncio
import threading
import time
from hashlib import sha256

from windrow.lab.load.bodies import Bodies
from windrow.lab.load.generator import Generator


class Landing:
    """Takes uploads; those whose number is in ``held`` are answered when all others are there."""

    def __init__(self, expected: int, held: set[int] = frozenset(), refused: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        self.stored: dict[str, bytes] = {}
        self._expected = expected
        self._all_there = asyncio.Event()
        self._held = held
        self._refused = refused

    async def put(self, key: str, body: bytes) -> str:
        """Store the body; the version is the key's own."""
        number = int(key.rpartition("/")[2].removesuffix(".jsonl"))
        if number in self._refused:
            raise ConnectionError("reset by peer")
        self.stored[key] = body
        if len(self.stored) == self._expected:
            self._all_there.set()
        if number in self._held:
            await self._all_there.wait()
        return f"version of {key}"


def run(landing: Landing, due: list[float]) -> Generator:
    """Upload to the end."""
    generator = Generator(landing.put, Bodies("run", 200))
    generator.run(due, time.monotonic(), threading.Event())
    return generator


def test_slow_answers_delay_no_upload() -> None:
    """The first upload is answered only after all others have begun: the load is open loop."""
    landing = Landing(5, held={0})
    generator = run(landing, [0.0, 0.01, 0.02, 0.03, 0.04])
    assert 5 == len(generator.sent)
    assert landing.stored.keys() == {sent.file.key for sent in generator.sent}


def test_nothing_begins_before_it_is_due() -> None:
    """Each upload begins at its time or after it, and how late is reported."""
    generator = run(Landing(3), [0.0, 0.05, 0.1])
    assert [0.0, 0.05, 0.1] == [sent.due_s for sent in generator.sent]
    assert all(sent.begun_s >= sent.due_s and sent.lag_s >= 0 for sent in generator.sent)
    assert all(sent.ended_s >= sent.begun_s for sent in generator.sent)


def test_what_was_sent_is_remembered() -> None:
    """Key, version, size and SHA-256 are those of what the landing bucket holds."""
    landing = Landing(2)
    generator = run(landing, [0.0, 0.0])
    for sent in generator.sent:
        body = landing.stored[sent.file.key]
        assert (f"version of {sent.file.key}", len(body), sha256(body).hexdigest()) == (
            sent.file.version_id,
            sent.file.size,
            sent.file.sha256,
        )


def test_failed_uploads_are_counted_and_the_rest_goes_on() -> None:
    """A refused upload is noted with its reason and is not among those sent."""
    generator = run(Landing(3, refused={1}), [0.0, 0.0, 0.0])
    assert 2 == len(generator.sent)
    (failure,) = generator.failed
    assert failure.endswith("0000001.jsonl: ConnectionError: reset by peer")


def test_stop_ends_the_load() -> None:
    """Told to stop, nothing more begins."""
    landing = Landing(1)
    generator = Generator(landing.put, Bodies("run", 200))
    stop = threading.Event()
    stop.set()
    generator.run([0.0, 0.0, 1e6], time.monotonic(), stop)
    assert {} == landing.stored
