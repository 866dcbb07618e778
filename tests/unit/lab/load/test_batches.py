from __future__ import annotations

from pathlib import Path

from windrow.lab.load.batches import BatchLog, BatchRun, busy

FINISHED = (
    '{"event":"batch_finished","request_id":"r","outcome":"ok","messages":7,"deleted":5,"failed":2,"seconds":1.5}\n'
)


def test_batches_are_read_amid_other_lines(tmp_path: Path) -> None:
    """What the handlers print is passed over; a batch began as long before as it took."""
    log = tmp_path / "worker.log"
    log.write_text('some text\n{"level":"INFO","message":"archive delivered"}\n' + FINISHED)
    batches = BatchLog(log)
    batches.follow(10.0)
    assert [BatchRun(8.5, 10.0, 7, 2, "ok")] == batches.batches


def test_a_line_is_taken_once_and_whole(tmp_path: Path) -> None:
    """A line that is half written waits for the rest, and nothing is read twice."""
    log = tmp_path / "worker.log"
    batches = BatchLog(log)
    batches.follow(0.0)
    log.write_text(FINISHED + FINISHED[:40])
    batches.follow(1.0)
    batches.follow(2.0)
    assert 1 == len(batches.batches)
    log.write_text(FINISHED * 2)
    batches.follow(3.0)
    assert [1.0, 3.0] == [batch.end_s for batch in batches.batches]


def test_busy_counts_batches_at_any_moment_of_a_second() -> None:
    """A batch shorter than the time between two samples is seen, and side by side batches are added."""
    batches = [BatchRun(0.2, 0.5, 1, 0, "ok"), BatchRun(1.5, 3.5, 1, 0, "ok"), BatchRun(2.5, 2.9, 1, 0, "ok")]
    assert [1, 1, 2, 1, 0] == busy(batches, [1.0, 2.0, 3.0, 4.0, 5.0])
