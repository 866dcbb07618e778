"""The batches that a worker has run, from the JSON lines that ``windrow run --json`` prints."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec

from windrow.worker.progress import BatchFinished, Switched

_log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(BatchFinished | Switched)
_STARTS = (b'{"event":"batch_finished"', b'{"event":"switched"')


class BatchRun(msgspec.Struct, frozen=True, order=True):
    """One invocation; times in seconds from the start of the run, as exact as the log was read (a second)."""

    start_s: float
    end_s: float
    messages: int
    failed: int
    outcome: str


class BatchLog:
    """Follows a worker's log, which holds other lines too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.batches: list[BatchRun] = []
        self.switches: list[tuple[float, bool]] = []
        """When the worker noticed that the mapping was enabled or disabled."""

    def follow(self, now_s: float) -> None:
        """Take in what the log has grown by; ``now_s`` is the present time of the run."""
        if not self._path.exists():
            return
        with self._path.open("rb") as log:
            log.seek(self._read)
            grown = log.read()
        whole = grown.rfind(b"\n") + 1
        self._read += whole
        for line in grown[:whole].splitlines():
            if line.startswith(_STARTS):
                self._take(_decoder.decode(line), now_s)

    def _take(self, progress: BatchFinished | Switched, now_s: float) -> None:
        if isinstance(progress, Switched):
            self.switches.append((now_s, progress.enabled))
            return
        start_s = now_s - progress.seconds
        self.batches.append(BatchRun(start_s, now_s, progress.messages, progress.failed, progress.outcome.value))


def busy(batches: Sequence[BatchRun], at_s: Sequence[float]) -> list[int]:
    """Return how many batches were running at some moment between each time and the one before it."""
    befores = [0.0, *at_s]
    return [
        sum(batch.start_s < now_s and batch.end_s > before_s for batch in batches)
        for before_s, now_s in zip(befores, at_s, strict=False)
    ]
