"""Cold start: the package's import and first call, against importing boto3 from the same package.

Each in fresh processes, in turn. The first call is one message with S3's test event, which has no file to deliver; the
first file opens every connection. CPU time counts, because the servers are on this machine.

The package is that of `windrow package` for this machine, and the same with ``--bytecode``, both unpacked to folders
that Python does not write to, as on Lambda. Python's own library is compiled, as in Lambda's image. Lambda's own start
of the environment is in neither.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench import machine
from bench.events import batch
from bench.machine_load import MachineLoad
from bench.samples import FILE_BYTES
from bench.testbed import Upload, open_testbed
from windrow.core.errors import PackageError
from windrow.packaging import build, host_target

ROOT = Path(__file__).parents[1]
REPEAT = 9
PLAIN, BYTECODE = "as packaged", "packaged with bytecode"

_PREFACE = """
import sys, time
sys.path.insert(0, sys.argv[1])
c = time.process_time(); w = time.perf_counter()
"""
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


def measure(repeat: int) -> dict[str, Times]:
    """Return the times of each program, ``repeat`` times in turn, by the package's form.

    Raises:
        SystemExit: Lambda's packages do not run on this machine.
        PackageError: the package can't be built.
    """
    with open_testbed() as place, tempfile.TemporaryDirectory(prefix="windrow-bench-") as work:
        forms = unpacked(Path(work))
        times: dict[str, Times] = {form: {name: [] for name in PROGRAMS} for form in forms}
        # Whatever this shell's variables are, Python finds nothing but the package and its own library.
        environment = {name: text for name, text in place.environment().items() if not name.startswith("PYTHON")}
        uploads = iter(place.upload("cold", [FILE_BYTES] * (repeat + 1) * len(forms)))
        for repetition in range(repeat + 1):
            for form, folder in forms.items():
                took = _turn(folder, next(uploads), place.outputs.landing_bucket, environment)
                for name, pair in took.items():
                    if repetition:  # the first one reads the disk
                        times[form][name].append(pair)
    return times


def unpacked(work: Path) -> dict[str, Path]:
    """Build the aggregator's package; return the folders that it is unpacked to, without and with bytecode."""
    host = host_target()
    if host is None:
        raise SystemExit("Lambda's packages run on Linux only, on x86_64 and arm64")
    plain, compiled = work / "plain", work / "bytecode"
    with zipfile.ZipFile(build(ROOT, host, work / "package.zip", bytecode=True).path) as package:
        package.extractall(compiled)
    shutil.copytree(compiled, plain, ignore=shutil.ignore_patterns("__pycache__"))
    return {PLAIN: plain, BYTECODE: compiled}


def _turn(folder: Path, upload: Upload, bucket: str, environment: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Run each program once."""
    event = batch([upload], bucket)
    test = {"Records": [{**event["Records"][0], "body": json.dumps({"Event": "s3:TestEvent"})}]}
    return {
        name: _run(program, test if name == FIRST_CALL else event, folder, environment)
        for name, program in PROGRAMS.items()
    }


def _run(
    program: str, event: Mapping[str, object], folder: Path, environment: Mapping[str, str]
) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-c", _PREFACE + program + _END, str(folder)],
        input=repr(event),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    cpu_s, wall_s = done.stderr.split()[-2:]
    return float(cpu_s) * 1000, float(wall_s) * 1000


def ratios(cpu_ms: Mapping[str, float]) -> dict[str, float]:
    """Return Windrow's CPU time against that of ``import boto3`` from the same package."""
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
    try:
        times = measure(options.repeat)
    except PackageError as error:
        raise SystemExit(str(error)) from error
    busy = others.cores()
    cpu_ms = {form: _medians(programs, 0) for form, programs in times.items()}
    wall_ms = {form: _medians(programs, 1) for form, programs in times.items()}
    if options.json:
        answer = {
            "ratios": {form: ratios(medians) for form, medians in cpu_ms.items()},
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
    for form in times:
        print(f"\n{form:44}{'ms CPU':>8}{'ms wall':>9}  CPU / import boto3")
        for name in PROGRAMS:
            cpu, wall = cpu_ms[form][name], wall_ms[form][name]
            print(f"{name:44}{cpu:8.0f}{wall:9.0f}{cpu / cpu_ms[form]['import boto3']:8.2f}")


def _medians(times: Times, which: int) -> dict[str, float]:
    return {name: round(statistics.median(pair[which] for pair in pairs), 1) for name, pairs in times.items()}


if __name__ == "__main__":
    main()
