"""Makes workers reach steps that belong to failures, duplicates or large objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random

from bench.faults.environment import DESTINATION, Environment
from bench.faults.handler import MULTIPART
from bench.faults.proxy import Action, Rule
from bench.faults.traffic import Traffic

ARCHIVES = "Z-"
"""In the target of every request about an archive, and of none about the bucket."""
PARTS = "partNumber="
ALWAYS = 1_000_000


@contextmanager
def precondition(step: str, environment: Environment, traffic: Traffic, rng: Random) -> Iterator[None]:
    """Provoke what leads to a step, inside the block. Steps of every batch need nothing."""
    operation = step.split(" ", maxsplit=1)[0]
    port, _, name = operation.partition(".")
    if operation in ("ledger.claims", "ledger.records"):
        traffic.duplicate(rng)
    elif operation == "queue.dead_letter":
        traffic.misinform(rng)
    elif operation == "landing.stream" or (port == "destination" and name in ("list", "delete", *MULTIPART)):
        traffic.enlarge(rng)
    with ExitStack() as rules:
        for rule in _RULES.get(operation, ()):
            rules.enter_context(environment.http.rule(rule))
        yield


def _failing(listener: str, method: str, target: str = "") -> Rule:
    return Rule(id="", listener=listener, action=Action.ANSWER, method=method, target=target, status=503, times=ALWAYS)


def _breaking(action: Action, method: str, times: int) -> Rule:
    return Rule(id="", listener=DESTINATION, action=action, method=method, target=ARCHIVES, times=times)


_RULES = {
    "ledger.release": [_failing("s3", "GET")],
    "queue.set_visibility": [_failing("s3", "GET")],
    "ledger.expire": [_breaking(Action.LOSE_REPLY, "", ALWAYS)],
    "destination.read": [_breaking(Action.LOSE_REPLY, "PUT", 1)],
    "destination.overwrite": [_breaking(Action.FLIP_METADATA, "PUT", 1)],
    "destination.abort": [_failing(DESTINATION, "PUT", PARTS)],
}
