"""Counts a contender's requests to the emulator with a proxy, in a separate run that is not measured."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench.faults.links import HttpProxy
from bench.faults.proxy import Action, Listener, Rule
from windrow.lab.stack.process import HOST, free_port

OPERATIONS = (
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "BatchExecuteStatement",
    "PutItem",
)
ALWAYS = 1_000_000_000


@contextmanager
def counted(endpoint: str) -> Iterator[tuple[str, Callable[[], dict[str, int]]]]:
    """Yield the proxy's endpoint, and a function that returns how often each operation has passed it."""
    upstream = urlsplit(endpoint).port
    assert upstream is not None  # noqa: S101 - a server of the testbed
    listener = Listener("emulator", free_port(), upstream)
    with (
        tempfile.TemporaryDirectory(prefix="windrow-bench-") as folder,
        HttpProxy(Path(folder), [listener]) as proxy,
        ExitStack() as rules,
    ):
        in_force = {name: rules.enter_context(proxy.rule(_passing(name))) for name in OPERATIONS}

        def counts() -> dict[str, int]:
            return {name: hits for name, rule in in_force.items() if (hits := proxy.hits(rule))}

        yield f"http://{HOST}:{listener.port}", counts


def _passing(operation: str) -> Rule:
    return Rule(id="", listener="emulator", action=Action.COUNT, operation=rf"\.{operation}$", times=ALWAYS)
