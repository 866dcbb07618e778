"""Cold start: importing Windrow's handler and its first call, against importing boto3 alone.

Each in fresh processes, in turn. The first call is one message with S3's test event, which has no file to deliver; the
first file opens every connection. CPU time counts, because the servers are on this machine.

Both with compiled code and without any: the Lambda package has no bytecode and its folder cannot be written to, so that
each cold start compiles what it imports. Without, Python's own library is compiled anew too, which Lambda's image has
compiled: the truth on Lambda lies between. Lambda's own start of the environment is in neither.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

import msgspec

from bench import machine
from bench.events import batch
from bench.machine_load import MachineLoad
from bench.samples import FILE_BYTES
from bench.testbed import Upload, open_testbed

REPEAT = 9
COMPILED, UNCOMPILED = "compiled", "no bytecode"

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
FIRST_CALL, FIRST_FILE = "import Windrow, first call (S3 test event)", "import Windrow, first file delivered"
PROGRAMS = {
    "import boto3": "import boto3",
    "import Windrow": "from windrow.functions import aggregate",
    FIRST_CALL: _CALL,
    FIRST_FILE: _CALL,
}

Times = dict[str, list[tuple[float, float]]]
"""(CPU, wall) milliseconds by program."""


class Code(msgspec.Struct, frozen=True):
    """Python's options and variables for one state of the code."""

    options: tuple[str, ...]
    variables: dict[str, str]


def measure(repeat: int) -> dict[str, Times]:
    """Return the times of each program, ``repeat`` times in turn, by state of the code."""
    times: dict[str, Times] = {state: {name: [] for name in PROGRAMS} for state in (COMPILED, UNCOMPILED)}
    with open_testbed() as place, tempfile.TemporaryDirectory(prefix="windrow-bench-") as empty:
        states = {
            COMPILED: Code((), {}),
            UNCOMPILED: Code(("-B",), {"PYTHONPYCACHEPREFIX": empty}),
        }
        # Whatever this shell's variables are, compiled code is written and found where the run needs it.
        own = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
        environment = {name: value for name, value in place.environment().items() if name not in own}
        uploads = iter(place.upload("cold", [FILE_BYTES] * (repeat + 1) * len(states)))
        for repetition in range(repeat + 1):
            for state, code in states.items():
                took = _turn(code, next(uploads), place.outputs.landing_bucket, environment)
                for name, pair in took.items():
                    if repetition:  # the first one compiles what was not yet
                        times[state][name].append(pair)
    return times


def _turn(code: Code, upload: Upload, bucket: str, environment: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Run each program once."""
    event = batch([upload], bucket)
    test = {"Records": [{**event["Records"][0], "body": json.dumps({"Event": "s3:TestEvent"})}]}
    return {
        name: _run(program, test if name == FIRST_CALL else event, code, environment)
        for name, program in PROGRAMS.items()
    }


def _run(program: str, event: Mapping[str, object], code: Code, environment: Mapping[str, str]) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, *code.options, "-c", _PREFACE + program + _END],
        input=repr(event),
        env={**environment, **code.variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    cpu_s, wall_s = done.stderr.split()[-2:]
    return float(cpu_s) * 1000, float(wall_s) * 1000


def ratios(cpu_ms: Mapping[str, float]) -> dict[str, float]:
    """Return Windrow's CPU time against that of ``import boto3`` in the same state of the code."""
    base = cpu_ms["import boto3"]
    return {
        "import_vs_boto3": round(cpu_ms["import Windrow"] / base, 3),
        "first_call_vs_boto3": round(cpu_ms[FIRST_CALL] / base, 3),
        "first_file_vs_boto3": round(cpu_ms[FIRST_FILE] / base, 3),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print a table, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--repeat", type=int, default=REPEAT)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    this, others = machine.describe(), MachineLoad()
    times = measure(options.repeat)
    busy = others.cores()
    cpu_ms = {state: _medians(programs, 0) for state, programs in times.items()}
    wall_ms = {state: _medians(programs, 1) for state, programs in times.items()}
    if options.json:
        answer = {
            "ratios": ratios(cpu_ms[COMPILED]),
            "ratios_no_bytecode": ratios(cpu_ms[UNCOMPILED]),
            "cpu_ms": cpu_ms,
            "wall_ms": wall_ms,
            "repeat": options.repeat,
            "machine": this,
            "others_cores": busy,
        }
        print(msgspec.json.encode(answer).decode())
        return
    print(
        f"{this}; other programs kept {busy:.1f} cores busy; medians of {options.repeat} fresh processes each, in turn"
    )
    for state in times:
        print(f"\n{state:44}{'ms CPU':>8}{'ms wall':>9}  CPU / import boto3")
        for name in PROGRAMS:
            cpu, wall = cpu_ms[state][name], wall_ms[state][name]
            print(f"{name:44}{cpu:8.0f}{wall:9.0f}{cpu / cpu_ms[state]['import boto3']:8.2f}")


def _medians(times: Times, which: int) -> dict[str, float]:
    return {name: round(statistics.median(pair[which] for pair in pairs), 1) for name, pairs in times.items()}


if __name__ == "__main__":
    main()
