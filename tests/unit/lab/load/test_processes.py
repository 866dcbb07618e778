from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from windrow.lab.load.processes import Meter, machine


def test_children_count_with_the_group_named_first() -> None:
    """A child that has a group of its own is not counted with its parent's."""
    command = [sys.executable, "-c", "input(1)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(1) == b"1"  # it runs Python by now, and is no longer a fork of this process
        meter = Meter({"child": lambda: [child.pid], "parent": lambda: [os.getpid()]})
        apart = meter.measure(1.0)
        together = Meter({"all": lambda: [os.getpid()]}).measure(1.0)
        child.communicate(b"\n")
    assert apart["child"].rss_mb > 1
    assert apart["parent"].rss_mb > 1
    assert together["all"].rss_mb > apart["parent"].rss_mb


def test_cores_are_cpu_time_over_elapsed_time() -> None:
    """The first look gives 0; then what was spent in between counts."""
    meter = Meter({"self": lambda: [os.getpid()]})
    assert 0.0 == meter.measure(1.0)["self"].cores
    before = os.times()
    while (os.times().user - before.user) + (os.times().system - before.system) < 0.1:
        sum(range(10_000))
    assert 0.05 <= meter.measure(1.0)["self"].cores


def test_process_that_is_gone_uses_nothing() -> None:
    """A group whose process has ended has no usage, and is no error."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    usage = Meter({"gone": lambda: [child.pid]}).measure(1.0)["gone"]
    assert (0.0, 0.0) == (usage.cores, usage.rss_mb)


def test_machine_is_described_without_a_name() -> None:
    """The description has cores and memory, not the machine's name."""
    described = machine()
    assert described.cores >= 1
    assert described.memory_gb > 0
    assert os.uname().nodename not in str(described)


def test_open_files_and_threads_are_counted(tmp_path: Path) -> None:
    """Of every process of a group; one more of each is seen."""
    meter, ended = Meter({"self": lambda: [os.getpid()]}), threading.Event()
    before = meter.measure(1.0)["self"]
    thread = threading.Thread(target=ended.wait)
    thread.start()
    with (tmp_path / "open").open("w"):
        after = meter.measure(1.0)["self"]
    ended.set()
    thread.join()
    assert (1, 1, 0) == (
        after.handles - before.handles,
        after.threads - before.threads,
        after.processes - before.processes,
    )
