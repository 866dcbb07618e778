"""What faults do to Windrow's worker, to Bento and to the naive handler: the same faults, one after the other.

Each engine gets a full queue of its own, a ledger and a place at the destination, and one fault. Once its queue is
empty every archive is read back, and its files are compared. MinIO is real; queue and ledger are the emulator's; the
connections to the destination pass a proxy that loses replies or refuses them. With the default times it takes about an
hour.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bench import backlog, machine, outcome
from bench.counting import ALWAYS
from bench.faults.links import HttpProxy
from bench.faults.proxy import Action, Listener, Rule
from bench.peers.engines import ENGINES, Engine, Queues, kill
from bench.peers.programs import HOW_TO_GET
from bench.samples import FILE_BYTES
from bench.task import task
from bench.testbed import WARM_FIRST, Testbed, Upload, open_testbed
from windrow.lab.stack.process import HOST, Process, free_port
from windrow.lab.stack.provision import MAX_RECEIVES
from windrow.lab.stack.waiting import wait_for

LINK = "destination"
POLL_S = 0.01
DEPTH_POLL_S = 0.25
LIMIT_S = 1_800
"""Longest wait for a queue to become empty; what is in it then is counted as missing."""
HIT_LIMIT_S = 120


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How the queue is set up and how long faults last. ``receives``: of a message, then it is dead-lettered."""

    visibility_s: int = 60
    receives: int = 5
    lost_s: float = 12
    away_s: float = 150
    down_s: float = 30


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the files of one engine.

    ``missing`` are in no archive, dead-lettered ones among them; ``twice`` in more than one. ``dead_lettered`` and
    ``waiting`` count messages.
    """

    fault: str
    who: str
    files: int
    missing: int
    twice: int
    dead_lettered: int
    waiting: int
    seconds: float


class Trial:
    """One engine at work on a full queue, and the faults that can be caused."""

    def __init__(
        self,
        place: Testbed,
        proxy: HttpProxy,
        times: Times,
        start: Callable[[], None],
        process: Process,
        depth: Callable[[], int],
    ) -> None:
        self.start = start
        self.times = times
        self._proxy = proxy
        self._process = process
        self._place = place
        self._depth = depth

    def kill(self) -> None:
        """Kill the engine and all its processes."""
        kill(self._process)

    def start_without_destination(self, seconds: float) -> None:
        """Start the engine and have the destination refuse connections so long, or until the queue is empty."""
        self._proxy.server.kill()
        try:
            self.start()
            self.await_empty(seconds)
        finally:
            self._proxy.server.start()

    def await_empty(self, limit_s: float) -> None:
        """Return when the queue is empty, or after so long."""
        wait_for(lambda: not self._depth(), limit_s, DEPTH_POLL_S)

    def lose_replies(self, seconds: float) -> None:
        """Have the destination carry out what commits an archive and lose the reply, so long from the first on."""
        commits = (
            Rule(
                id="", listener=LINK, action=Action.LOSE_REPLY, method="PUT", target="^(?!.*partNumber)", times=ALWAYS
            ),
            Rule(id="", listener=LINK, action=Action.LOSE_REPLY, method="POST", target="uploadId=", times=ALWAYS),
        )
        with ExitStack() as rules:
            in_force = [rules.enter_context(self._proxy.rule(rule)) for rule in commits]
            wait_for(lambda: any(self._proxy.hits(rule) for rule in in_force), HIT_LIMIT_S, POLL_S)
            time.sleep(seconds)

    def await_archive(self, prefix: str) -> None:
        """Return as soon as the first archive is committed."""
        s3, bucket = self._place.client("s3"), self._place.outputs.destination_bucket
        wait_for(lambda: bool(s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")["KeyCount"]), HIT_LIMIT_S, POLL_S)


def _killed(trial: Trial, prefix: str) -> None:
    trial.start()
    trial.await_archive(prefix)
    trial.kill()
    trial.start()


def _replies_lost(trial: Trial, _prefix: str) -> None:
    trial.start()
    trial.lose_replies(trial.times.lost_s)


def _down_at_first(trial: Trial, _prefix: str) -> None:
    trial.start_without_destination(trial.times.down_s)


def _down(trial: Trial, _prefix: str) -> None:
    trial.start_without_destination(trial.times.away_s)


def _nothing(trial: Trial, _prefix: str) -> None:
    trial.start()


class Fault(msgspec.Struct, frozen=True):
    """A disturbance. Where ``files_most`` is set they make one batch; ``absent``: one more object was deleted."""

    text: str
    disturb: Callable[[Trial, str], None]
    files_most: int | None = None
    absent: bool = False


FAULTS = {
    "killed": Fault("killed as its first archive stands", _killed),
    "replies": Fault("replies to commits lost", _replies_lost),
    "away": Fault("destination down", _down),
    "down": Fault("destination down at the first delivery", _down_at_first, files_most=300),
    "absent": Fault("one object absent", _nothing, files_most=300, absent=True),
}


class Arena:
    """The servers, the proxy before the destination, and the files that all engines are given."""

    def __init__(self, place: Testbed, proxy: HttpProxy, link: str, times: Times, folder: Path) -> None:
        self._place = place
        self._proxy = proxy
        self._link = link
        self._times = times
        self._folder = folder

    def try_out(self, engine: Engine, name: str, files: Sequence[Upload], batch_files: int, receives: int) -> Result:
        """Let an engine deliver the files while a fault happens, and count."""
        fault = FAULTS[name]
        begun = time.monotonic()
        prefix = f"faults/{name}/{engine.name}/{receives}".replace(" ", "-").replace(",", "").replace(":", "")
        work = task(self._place, [], [], prefix, table=self._place.fresh_ledger())
        work = msgspec.structs.replace(work, destination_endpoint=self._link)
        queues = self._queues(receives, batch_files)
        sqs = self._place.client("sqs")
        backlog.fill(sqs, queues.queue_url, self._with_absent(files) if fault.absent else files, work.landing)
        process = Process(prefix.replace("/", "-"), self._folder)
        depth = partial(backlog.depth, sqs, queues.queue_url)
        start = partial(engine.start, process, self._place, work, queues)
        try:
            trial = Trial(self._place, self._proxy, self._times, start, process, depth)
            fault.disturb(trial, prefix)
            trial.await_empty(LIMIT_S)
        finally:
            process.stop()
        end = outcome.inspect(self._place, prefix, files, [])
        return Result(
            fault=fault.text,
            who=engine.name if receives == self._times.receives else f"{engine.name}, {receives} receives",
            files=len(files),
            missing=end.missing,
            twice=end.doubled,
            dead_lettered=backlog.depth(sqs, queues.dlq_url),
            waiting=depth(),
            seconds=round(time.monotonic() - begun, 1),
        )

    def _queues(self, receives: int, batch_files: int) -> Queues:
        sqs = self._place.client("sqs")
        dlq_url = backlog.create(sqs, "dead")
        arn = sqs.get_queue_attributes(QueueUrl=dlq_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = msgspec.json.encode({"deadLetterTargetArn": arn, "maxReceiveCount": receives}).decode()
        visibility_s = str(self._times.visibility_s)
        queue_url = backlog.create(sqs, "queue", VisibilityTimeout=visibility_s, RedrivePolicy=redrive)
        return Queues(queue_url, dlq_url, batch_files)

    def _with_absent(self, files: Sequence[Upload]) -> list[Upload]:
        """Return the files and one that has been deleted."""
        absent = self._place.upload("absent", [FILE_BYTES], first=WARM_FIRST)
        self._place.delete(self._place.outputs.landing_bucket, "absent")
        middle = len(files) // 2
        return [*files[:middle], *absent, *files[middle:]]


@contextmanager
def arena(times: Times) -> Iterator[tuple[Arena, Testbed]]:
    """Start the servers and the proxy before the destination."""
    with open_testbed() as place, tempfile.TemporaryDirectory(prefix="windrow-bench-") as folder:
        upstream = urlsplit(place.s3_endpoint).port
        assert upstream is not None  # noqa: S101 - a server of the testbed
        listener = Listener(LINK, free_port(), upstream)
        with HttpProxy(Path(folder), [listener]) as proxy:
            yield Arena(place, proxy, f"http://{HOST}:{listener.port}", times, Path(folder)), place


def campaign(names: Sequence[str], who: str, files: int, batch_files: int, times: Times) -> Iterator[Result]:
    """Yield the result of each fault for each engine whose name holds ``who``."""
    with arena(times) as (ring, place):
        uploads = place.upload("files", [FILE_BYTES] * files)
        for name in names:
            fault = FAULTS[name]
            given = uploads[: fault.files_most]
            size = len(given) + fault.absent if fault.files_most else batch_files
            # How often a message may come back decides what an outage does: 5 times is usual, Windrow asks for 100.
            for receives in (times.receives, MAX_RECEIVES) if name == "away" else (times.receives,):
                for engine in ENGINES:
                    if who.lower() in engine.name.lower() and engine.present():
                        yield ring.try_out(engine, name, given, size, receives)


def main(arguments: Sequence[str] | None = None) -> None:
    """Test every engine with every fault, and print a table, or one JSON object with ``--json``."""
    default = Times()
    parser = argparse.ArgumentParser(prog="python -m bench.peers.faults", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS), metavar="FAULT", help="%(choices)s")
    parser.add_argument("--who", default="", help="only engines whose name holds this: naive, Bento, Windrow")
    parser.add_argument("--files", type=int, default=3_000, help="(300 where they make one batch)")
    parser.add_argument("--batch", type=int, default=500, help="files an archive")
    parser.add_argument("--visibility", type=int, default=default.visibility_s, help="seconds (%(default)s)")
    parser.add_argument("--receives", type=int, default=default.receives, help="then dead-lettered (%(default)s)")
    parser.add_argument("--lost", type=float, default=default.lost_s, help="seconds of lost replies (%(default)s)")
    parser.add_argument("--away", type=float, default=default.away_s, help="seconds without destination (%(default)s)")
    parser.add_argument("--down", type=float, default=default.down_s, help="the same at the start (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    times = Times(
        visibility_s=options.visibility,
        receives=options.receives,
        lost_s=options.lost,
        away_s=options.away,
        down_s=options.down,
    )
    results = []
    for result in campaign(options.only, options.who, options.files, options.batch, times):
        results.append(result)
        print(_line(result), file=sys.stderr if options.json else sys.stdout, flush=True)
    if options.json:
        print(msgspec.json.encode({"results": results, "times": times, "machine": machine.describe()}).decode())
        return
    absent = [engine.name for engine in ENGINES if not engine.present()]
    print(f"{machine.describe()}; {times}" + "".join(f"; {name} not installed: {HOW_TO_GET}" for name in absent))


def _line(result: Result) -> str:
    left = f", {result.waiting} messages left" if result.waiting else ""
    return (
        f"{result.fault:40}{result.who:28}{result.files:6} files: {result.missing:5} missing, {result.twice:5} twice,"
        f" {result.dead_lettered:5} dead-lettered{left} ({result.seconds:.0f} s)"
    )


if __name__ == "__main__":
    main()
