"""What a batching window costs in requests: a load test for each window, whose worker's requests a proxy counts.

The proxy takes time of its own, so latency is measured without it: ``windrow load --window SECONDS``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench import machine
from bench.counting import counted
from windrow.lab.load.plan import Plan
from windrow.lab.load.run import LoadTest
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack

COLUMNS = {
    "receives": "ReceiveMessage",
    "deletes": "DeleteMessageBatch",
    "claims": "BatchExecuteStatement",
    "records": "PutItem",
}
"""Operations by what they are called here."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What a load took: numbers of the whole run, its last batch included. ``requests`` is by operation."""

    window_s: int
    files: int
    batches: int
    archives: int
    requests: dict[str, int]


class _Redirected(Stack):
    """A stack whose worker reaches AWS by another endpoint, once that is set."""

    endpoint = ""

    def environment(self) -> dict[str, str]:
        environ = super().environment()
        return {**environ, "AWS_ENDPOINT_URL": self.endpoint} if self.endpoint else environ


def count(plan: Plan) -> Counted:
    """Run a load test and count.

    Raises:
        SystemExit: not every file was delivered exactly once.
    """
    shape = Shape(window_s=plan.window_s, sentinel_s=0)
    with (
        TemporaryDirectory(prefix="windrow-windows-") as folder,
        _Redirected(Path(folder), shape, worker=False) as stack,
        counted(stack.aws.url) as (endpoint, counts),
    ):
        stack.endpoint = endpoint
        record = LoadTest(stack, plan).run()
        if not record.proof.ok:
            raise SystemExit(f"not every file was delivered exactly once: {record.proof.problems[:3]}")
        return Counted(
            window_s=plan.window_s,
            files=record.proof.files_delivered,
            batches=len(record.batches),
            archives=record.proof.archives,
            requests=counts(),
        )


def table(rows: Sequence[Counted]) -> str:
    """Return the figures, a line for each window; requests are those of a hundred files."""
    lines = [f"{'window':>8}{'files':>8}{'batches':>9}{'archives':>10}" + "".join(f"{name:>10}" for name in COLUMNS)]
    for row in rows:
        shares = (100 * row.requests.get(operation, 0) / row.files for operation in COLUMNS.values())
        lines.append(
            f"{row.window_s:>6} s{row.files:>8}{row.batches:>9}{row.archives:>10}"
            + "".join(f"{share:>10.1f}" for share in shares)
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.windows", description=__doc__)
    parser.add_argument("--rate", type=float, default=10.0, help="uploads a second")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--windows", type=int, nargs="+", default=[60, 5], metavar="SECONDS")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    rows = [count(Plan(rate=options.rate, seconds=options.seconds, window_s=window)) for window in options.windows]
    this = machine.describe()
    if options.json:
        print(msgspec.json.encode({"rate": options.rate, "machine": this, "windows": rows}).decode())
        return
    print(f"{this}; {options.rate:g} files/s for {options.seconds:g} s; requests for 100 files")
    print(table(rows))


if __name__ == "__main__":
    main()
