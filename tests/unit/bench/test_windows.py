"""What the benchmark of batching windows prints."""

from __future__ import annotations

from bench.windows import Counted, table


def test_requests_are_given_for_a_hundred_files() -> None:
    """A line for each window; an operation that was never asked for is 0."""
    rows = [
        Counted(
            window_s=window_s,
            files=400,
            batches=batches,
            archives=batches + 1,
            requests={"ReceiveMessage": receives, "DeleteMessageBatch": 40, "BatchExecuteStatement": 16},
        )
        for window_s, batches, receives in ((60, 1, 42), (5, 8, 104))
    ]
    assert [
        ["window", "files", "batches", "archives", "receives", "deletes", "claims", "records"],
        ["60", "s", "400", "1", "2", "10.5", "10.0", "4.0", "0.0"],
        ["5", "s", "400", "8", "9", "26.0", "10.0", "4.0", "0.0"],
    ] == [line.split() for line in table(rows).splitlines()]
