"""Cold start: importing Windrow's handler and its first call, against importing boto3 alone.

Each in fresh processes, in turn. The first call has no file to deliver (S3's test event), or one: then it opens
every connection. CPU time counts, because the servers are on this machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence

import msgspec

from bench import machine
from bench.events import batch
from bench.samples import FILE_BYTES
from bench.stand import stand

REPEAT = 9

_PREFACE = "import sys, time; c = time.process_time(); w = time.perf_counter()\n"
_END = "\nprint(f'{time.process_time() - c} {time.perf_counter() - w}', file=sys.stderr)"
_CALL = """
from windrow.functions import aggregate
event = eval(sys.stdin.read())
class Context:
    aws_request_id = str(w)
    get_remaining_time_in_millis = lambda self: 600_000
assert aggregate.handler(event, Context()) == {'batchItemFailures': []}
"""
PROGRAMS = {
    "import boto3": "import boto3",
    "import Windrow": "from windrow.functions import aggregate",
    "import Windrow, first call": _CALL,
    "import Windrow, first file": _CALL,
}


def measure(repeat: int) -> dict[str, list[tuple[float, float]]]:
    """Return (CPU, wall) milliseconds of each program, ``repeat`` times in turn."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    with stand() as place:
        uploads = place.upload("cold", [FILE_BYTES] * (repeat + 1))
        # Compiled code is kept, as it is in the Lambda package, whatever this shell is set to.
        environment = {name: value for name, value in place.environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
        for repetition, upload in enumerate(uploads):
            event = batch([upload], place.outputs.landing_bucket)
            for name, program in PROGRAMS.items():
                if name == "import Windrow, first call":
                    test = {**event["Records"][0], "body": json.dumps({"Event": "s3:TestEvent"})}
                    took = _run(program, {"Records": [test]}, environment)
                else:
                    took = _run(program, event, environment)
                if repetition:  # the first one compiles what was not yet
                    times[name].append(took)
    return times


def _run(program: str, event: Mapping[str, object], environment: Mapping[str, str]) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", _PREFACE + program + _END],
        input=repr(event),
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    cpu_s, wall_s = done.stderr.split()[-2:]
    return float(cpu_s) * 1000, float(wall_s) * 1000


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print a table, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--repeat", type=int, default=REPEAT)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    this = machine.describe()
    times = measure(options.repeat)
    cpu_ms = {name: round(statistics.median(cpu for cpu, _ in pairs), 1) for name, pairs in times.items()}
    wall_ms = {name: round(statistics.median(wall for _, wall in pairs), 1) for name, pairs in times.items()}
    base = cpu_ms["import boto3"]
    ratios = {
        "import_vs_boto3": round(cpu_ms["import Windrow"] / base, 3),
        "first_call_vs_boto3": round(cpu_ms["import Windrow, first call"] / base, 3),
        "first_file_vs_boto3": round(cpu_ms["import Windrow, first file"] / base, 3),
    }
    if options.json:
        answer = {"ratios": ratios, "cpu_ms": cpu_ms, "wall_ms": wall_ms, "repeat": options.repeat, "machine": this}
        print(msgspec.json.encode(answer).decode())
        return
    print(f"{this}; medians of {options.repeat} fresh processes each, in turn\n")
    for name in PROGRAMS:
        print(f"{name:28}{cpu_ms[name]:8.0f} ms CPU{wall_ms[name]:8.0f} ms wall{cpu_ms[name] / base:7.2f} x")


if __name__ == "__main__":
    main()
