"""Injects faults, one kind a method. Each returns whether the fault took effect."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random

import msgspec
import psutil

from bench.faults.catalogue import Fault
from bench.faults.environment import DESTINATION, IMPOSTER, Environment
from bench.faults.evidence import Evidence
from bench.faults.handler import LANDING_REQUEST_S, steps
from bench.faults.preconditions import ALWAYS, precondition
from bench.faults.proxy import Action, Rule
from bench.faults.traffic import Traffic
from windrow.clients.destination.bucket import DELIVERING
from windrow.lab.stack.waiting import wait_for

TIMEOUT_S = 15.0
"""How long a fault waits for its precondition; then the next one of its kind is tried."""
SHORT_S, LONG_S = 0.3, 2.0
"""How long a fault of the destination lasts, or longer until something has met it."""
LEDGER_READ_S = 5.0
"""How long the ledger's client waits for an answer (`windrow.clients.dynamodb.ledger.connect`)."""
LONGER_S = 2.0
"""How much longer a server is silent that a client is to give up on."""
NEARLY = 0.9
POLL_S = 0.05
PASSING_S = 0.1
"""By then an answer that the proxy wrote has reached Toxiproxy, which is before it."""
TIMED_OUT = '"kind":"slow"'
REFUSED = ('"kind":"connect"', ": Connection refused")
UNAUTHORIZED = "destination refused the credentials"
"""What the worker logs."""

_XML = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{}</Code><Message>as ordered</Message></Error>"
_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
Met = Callable[[Evidence], bool]
_COMMON_STEPS = ("destination.put after", "destination.put before", "ledger.claim after", "landing.get after")


class Injector:
    """Makes each kind of fault happen."""

    def __init__(self, environment: Environment, traffic: Traffic) -> None:
        self._environment = environment
        self._traffic = traffic
        self._engine = threading.Lock()
        self._methods: dict[str, Callable[[Random], bool]] = {
            "worker killed at a step": self._kill_at_step,
            "worker killed at a random instant": self._kill_at_random,
            "engine killed and started again": self._kill_engine,
            "destination killed and started again": self._kill_destination,
            "destination stopped for a moment": lambda rng: self._stop_destination(rng, Evidence.asked),
            "destination stopped until the client gives up": lambda rng: self._stop_destination(rng, _timed_out),
            "destination slow": self._slow_destination,
            "destination resets connections": lambda rng: self._reset(rng, DESTINATION),
            "destination refuses connections": self._refuse_connections,
            "destination lets connections hang for a moment": lambda rng: self._hang(rng, Evidence.answered),
            "destination lets connections hang until the client gives up": lambda rng: self._hang(rng, _timed_out),
            "destination certificate wrong": self._wrong_certificate,
            "destination credentials refused": self._refuse_credentials,
            "destination bucket gone": self._hide_bucket,
            "destination answers 503": self._destination_503,
            "reply of a PUT lost": self._lose_put_reply,
            "a bit of a PUT body changed": lambda rng: self._break_put(rng, Action.FLIP_BODY),
            "a digit of the stored SHA-256 changed": lambda rng: self._break_put(rng, Action.FLIP_METADATA),
            "S3 answers 5xx": self._s3_5xx,
            "S3 body cut short": lambda rng: self._s3(rng, Action.TRUNCATE, times=rng.randint(1, 4)),
            "S3 body slow": lambda rng: self._s3(rng, Action.SLOW, seconds=rng.uniform(0.5, 2)),
            "S3 silent, then resets": lambda rng: self._s3(rng, Action.STALL, seconds=rng.uniform(0.5, LONG_S)),
            "S3 silent until the client gives up": self._s3_silent,
            "S3 resets connections": lambda rng: self._reset(rng, "s3"),
            "DynamoDB throttles": lambda rng: self._dynamodb_error(rng, 400, "ProvisionedThroughputExceededException"),
            "DynamoDB answers 500": lambda rng: self._dynamodb_error(rng, 500, "InternalServerError"),
            "DynamoDB silent, then resets": lambda rng: self._ledger(rng, Action.STALL, seconds=rng.uniform(1, 4)),
            "DynamoDB silent until the client gives up": self._ledger_silent,
            "DynamoDB carries out, reply lost": lambda rng: self._ledger(rng, Action.LOSE_REPLY),
            "DynamoDB resets connections": lambda rng: self._reset(rng, "dynamodb"),
            "SQS answers an error": self._sqs_error,
            "SQS carries out, reply lost": lambda rng: self._sqs(rng, Action.LOSE_REPLY),
            "SQS resets connections": lambda rng: self._reset(rng, "sqs"),
            "event duplicated": self._told(traffic.duplicate),
            "event delayed": self._told(traffic.delay),
            "events reordered": self._told(traffic.reorder),
            "several events in one message, one twice": self._told(traffic.gather),
            "message that is no S3 event of ours": self._told(traffic.misinform),
            "object deleted before its event": self._told(traffic.lose_object),
        }

    def inject(self, fault: Fault) -> bool:
        """Make a fault happen and end; return False if nothing met it in time."""
        return self._methods[fault.kind](Random(fault.seed))

    def keep_engine(self, over: threading.Event) -> None:
        """Start the engine again when it has ended, as a service manager does, until ``over`` is set.

        It ends with an error when its first worker is killed before the handler is loaded.
        """
        while not over.wait(POLL_S * 4):
            self.revive_engine()

    def revive_engine(self) -> None:
        """Start the engine again if it has ended."""
        with self._engine:
            if not self._environment.stack.worker.running:
                self._environment.start_worker()

    def _kill_at_step(self, rng: Random) -> bool:
        """Set a trap for a step: the steps around the commit, or any."""
        step = rng.choice(_COMMON_STEPS if rng.random() < 0.4 else steps())
        trap = self._environment.traps / step
        trap.touch()
        with precondition(step, self._environment, self._traffic, rng):
            return wait_for(lambda: not trap.exists(), TIMEOUT_S, POLL_S) or self._disarm(trap)

    @staticmethod
    def _disarm(trap: Path) -> bool:
        """Take a trap away; return whether a worker took it at the last moment."""
        try:
            trap.unlink()
        except FileNotFoundError:
            return True
        return False

    def _kill_at_random(self, rng: Random) -> bool:
        time.sleep(rng.uniform(0, 1.5))
        with self._engine:
            workers = sorted(self._environment.worker_processes(), key=lambda process: process.pid)
            if not workers:
                return False
            try:
                rng.choice(workers).kill()
            except psutil.NoSuchProcess:
                return False
        return True

    def _kill_engine(self, rng: Random) -> bool:
        """Kill the engine; its workers notice it and end within a second."""
        with self._engine:
            self._environment.stack.worker.kill()
            time.sleep(rng.uniform(0.1, 1.5))
            self._environment.start_worker()
        return True

    def _hold(self, rng: Random, block: AbstractContextManager[object], met: Met, listener: str) -> bool:
        """Stay in the block for a moment, or longer until something has met what it does."""
        with block:
            evidence = Evidence(self._environment, listener)
            time.sleep(rng.uniform(SHORT_S, LONG_S))
            found = wait_for(lambda: met(evidence), TIMEOUT_S, POLL_S)
            time.sleep(PASSING_S)
        return found

    def _reset(self, rng: Random, link: str) -> bool:
        return self._hold(
            rng, self._environment.toxiproxy.toxic(link, "reset_peer", {"timeout": 0}), Evidence.answered, link
        )

    def _hang(self, rng: Random, met: Met) -> bool:
        """Discard answers, on connections that stay open."""
        toxic = self._environment.toxiproxy.toxic(DESTINATION, "timeout", {"timeout": 0})
        return self._hold(rng, toxic, met, DESTINATION)

    def _refuse_connections(self, rng: Random) -> bool:
        """Nothing listens: only the worker's log shows that it tried."""
        return self._hold(
            rng,
            self._environment.toxiproxy.down(DESTINATION),
            lambda evidence: evidence.logged(*REFUSED),
            DESTINATION,
        )

    def _kill_destination(self, rng: Random) -> bool:
        @contextmanager
        def dead() -> Iterator[None]:
            server = self._environment.stack.destination
            server.kill()
            try:
                yield
            finally:
                server.start()

        return self._hold(rng, dead(), Evidence.asked, DESTINATION)

    def _stop_destination(self, rng: Random, met: Met) -> bool:
        @contextmanager
        def stopped() -> Iterator[None]:
            pid = self._environment.stack.destination.pid
            os.kill(pid, signal.SIGSTOP)
            try:
                yield
            finally:
                os.kill(pid, signal.SIGCONT)

        return self._hold(rng, stopped(), met, DESTINATION)

    def _slow_destination(self, rng: Random) -> bool:
        delays = {"latency": rng.randint(100, 1500), "jitter": 100}
        toxiproxy = self._environment.toxiproxy
        narrow = toxiproxy.toxic(DESTINATION, "bandwidth", {"rate": rng.randint(5, 50)}, "upstream")
        with toxiproxy.toxic(DESTINATION, "latency", delays):
            return self._hold(rng, narrow, Evidence.answered, DESTINATION)

    def _wrong_certificate(self, rng: Random) -> bool:
        """Connect the worker to a server that has a certificate from another authority."""

        @contextmanager
        def led_astray() -> Iterator[None]:
            self._environment.toxiproxy.turn(DESTINATION, self._environment.http_port(IMPOSTER))
            try:
                yield
            finally:
                self._environment.toxiproxy.turn(DESTINATION, self._environment.http_port(DESTINATION))

        return self._hold(rng, led_astray(), Evidence.greeted, IMPOSTER)

    def _refuse_credentials(self, rng: Random) -> bool:
        """Change the key at the destination, and in Secrets Manager only after a while."""

        @contextmanager
        def changed() -> Iterator[None]:
            self._environment.rotate_keys()
            try:
                yield
            finally:
                self._environment.publish_keys()

        return self._hold(rng, changed(), lambda evidence: evidence.logged(UNAUTHORIZED), DESTINATION)

    def _hide_bucket(self, rng: Random) -> bool:
        rule = _answer(DESTINATION, 404, _XML.format("NoSuchBucket"), times=ALWAYS)
        with self._environment.http.rule(rule) as named:
            time.sleep(rng.uniform(SHORT_S, LONG_S))
            return self._wait_for_one(named)

    def _wait_for_one(self, rule: Rule) -> bool:
        return wait_for(lambda: self._environment.http.hits(rule) > 0, TIMEOUT_S, POLL_S)

    def _destination_503(self, rng: Random) -> bool:
        code = rng.choice(("SlowDown", "ServiceUnavailable", "InternalError"))
        method = rng.choice(("PUT", "PUT", "HEAD", "GET", ""))
        return self._apply(
            _answer(DESTINATION, 503, _XML.format(code), method=method, times=rng.randint(1, 4)), enough=1
        )

    def _lose_put_reply(self, rng: Random) -> bool:
        """Now and then the replies to all three attempts, so that the batch ends without knowing."""
        times = rng.choice((1, 1, 1, 2, 3, 4))
        return self._apply(_rule(DESTINATION, Action.LOSE_REPLY, method="PUT", times=times), enough=1)

    def _break_put(self, rng: Random, action: Action) -> bool:
        return self._apply(_rule(DESTINATION, action, method="PUT", times=rng.randint(1, 2)), enough=1)

    def _s3_5xx(self, rng: Random) -> bool:
        status, code = rng.choice(((500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable")))
        return self._apply(_answer("s3", status, _XML.format(code), method="GET", times=rng.randint(1, 8)), enough=1)

    def _s3(self, _rng: Random, action: Action, *, times: int = 1, seconds: float = 0.0) -> bool:
        return self._apply(_rule("s3", action, method="GET", times=times, seconds=seconds))

    def _s3_silent(self, _rng: Random) -> bool:
        return self._give_up_on(_rule("s3", Action.STALL, method="GET"), LANDING_REQUEST_S)

    def _ledger_silent(self, _rng: Random) -> bool:
        return self._give_up_on(_rule("dynamodb", Action.STALL), LEDGER_READ_S)

    def _give_up_on(self, rule: Rule, timeout_s: float) -> bool:
        """Leave one request without an answer until its client times out."""
        seconds = timeout_s + LONGER_S
        silent = msgspec.structs.replace(rule, seconds=seconds, timeout_s=NEARLY * timeout_s)
        with self._environment.http.rule(silent) as named:
            return wait_for(lambda: self._environment.http.given_up(named) > 0, TIMEOUT_S + seconds, POLL_S)

    def _dynamodb_error(self, rng: Random, status: int, code: str) -> bool:
        body = f'{{"__type":"{_DYNAMODB}{code}","message":"as ordered"}}'
        rule = _answer(
            "dynamodb", status, body, times=rng.choice((1, 2, 4, 12)), content_type="application/x-amz-json-1.0"
        )
        return self._apply(rule, enough=1)

    def _ledger(self, rng: Random, action: Action, *, seconds: float = 0.0) -> bool:
        operation = rng.choice(("Batch", "BatchExecuteStatement", "PutItem"))
        return self._apply(_rule("dynamodb", action, operation=operation, seconds=seconds))

    def _sqs_error(self, rng: Random) -> bool:
        body = '{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"as ordered"}'
        rule = _answer("sqs", 503, body, times=rng.randint(1, 6), content_type="application/x-amz-json-1.0")
        return self._apply(_operation(rng, rule), enough=1)

    def _sqs(self, rng: Random, action: Action) -> bool:
        return self._apply(_operation(rng, _rule("sqs", action)))

    def _apply(self, rule: Rule, *, enough: int | None = None) -> bool:
        """Have a rule applied as often as it says; ``enough`` applications in time count as well."""
        with self._environment.http.rule(rule) as named:
            if enough and not self._wait_for_one(named):
                return False
            hits = self._environment.http.await_hits(named, TIMEOUT_S / 3 if enough else TIMEOUT_S)
        return hits >= (enough or rule.times)

    @staticmethod
    def _told(send: Callable[[Random], object]) -> Callable[[Random], bool]:
        def told(rng: Random) -> bool:
            send(rng)
            return True

        return told


def _timed_out(evidence: Evidence) -> bool:
    """Return whether a request to the destination has timed out that was made meanwhile or shortly before."""
    return evidence.age_s > DELIVERING.connect_s and evidence.logged(TIMED_OUT)


def _rule(
    listener: str, action: Action, *, method: str = "", operation: str = "", times: int = 1, seconds: float = 0.0
) -> Rule:
    return Rule(
        id="", listener=listener, action=action, method=method, operation=operation, times=times, seconds=seconds
    )


def _answer(
    listener: str, status: int, body: str, *, method: str = "", times: int = 1, content_type: str = "application/xml"
) -> Rule:
    return Rule(
        id="",
        listener=listener,
        action=Action.ANSWER,
        method=method,
        times=times,
        status=status,
        body=body,
        content_type=content_type,
    )


def _operation(rng: Random, rule: Rule) -> Rule:
    """Aim a rule at one of the calls that matter."""
    operation = rng.choice(("ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", ""))
    return msgspec.structs.replace(rule, operation=operation)
