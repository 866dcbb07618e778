"""The two proxies between a worker and its servers, and how the campaign controls them."""

from __future__ import annotations

import http.client
import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from bench.faults.proxy import Counts, Listener, Rule
from windrow.lab.stack.process import HOST, Server
from windrow.lab.stack.programs import find_program
from windrow.lab.stack.waiting import wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
POLL_S = 0.05


def find_toxiproxy() -> Path | None:
    """Return a Toxiproxy server that works: on PATH, else the one that ``make toxiproxy`` built."""
    return find_program("toxiproxy-server", "-version")


def _ask(port: int, method: str, path: str, content: object = None) -> Any:  # noqa: ANN401 - JSON
    """Make one request of a proxy's API and return the answer. Raises `OSError`, `RuntimeError`."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        body = b"" if content is None else msgspec.json.encode(content)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status >= http.client.BAD_REQUEST:
        raise RuntimeError(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
    return json.loads(text) if text else None


class Toxiproxy:
    """Toxiproxy's server and API (https://github.com/Shopify/toxiproxy#http-api): breaks TCP connections."""

    def __init__(self, folder: Path, binary: Path) -> None:
        self.server = Server(
            "toxiproxy",
            folder,
            lambda port: [str(binary), "-host", HOST, "-port", str(port)],
            environ={"LOG_LEVEL": "error"},
            health="/version",
        )

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.kill()

    def add(self, name: str, port: int, upstream_port: int) -> None:
        """Open a link."""
        self._ask(
            "POST",
            "/proxies",
            {"name": name, "listen": f"{HOST}:{port}", "upstream": f"{HOST}:{upstream_port}", "enabled": True},
        )

    def turn(self, name: str, upstream_port: int) -> None:
        """Connect a link to another port; connections that are open are closed."""
        self._ask("POST", f"/proxies/{name}", {"upstream": f"{HOST}:{upstream_port}"})

    @contextmanager
    def down(self, name: str) -> Iterator[None]:
        """Close a link inside the block: connections are refused."""
        self._ask("POST", f"/proxies/{name}", {"enabled": False})
        try:
            yield
        finally:
            self._ask("POST", f"/proxies/{name}", {"enabled": True})

    @contextmanager
    def toxic(self, name: str, kind: str, attributes: dict[str, int], stream: str = "downstream") -> Iterator[None]:
        """Apply a toxic to a link inside the block."""
        toxic = f"{kind}-{uuid.uuid4().hex[:8]}"
        self._ask(
            "POST",
            f"/proxies/{name}/toxics",
            {"name": toxic, "type": kind, "stream": stream, "toxicity": 1.0, "attributes": attributes},
        )
        try:
            yield
        finally:
            self._ask("DELETE", f"/proxies/{name}/toxics/{toxic}")

    def _ask(self, method: str, path: str, content: object = None) -> None:
        _ask(self.server.port, method, path, content)


class HttpProxy:
    """`bench.faults.proxy` as a process. ``keys`` are the destination administrator's, for signing anew."""

    def __init__(self, folder: Path, listeners: Sequence[Listener], keys: tuple[str, str] = ("", "")) -> None:
        config = folder / "listeners.json"
        config.write_bytes(msgspec.json.encode(list(listeners)))
        self.server = Server(
            "http-proxy",
            folder,
            lambda _port: [sys.executable, "-m", "bench.faults.proxy", str(config)],
            environ={
                "PYTHONPATH": str(REPOSITORY),
                "PROXY_ACCESS_KEY": keys[0],
                "PROXY_SECRET_KEY": keys[1],
            },
            health="/rules",
        )

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.kill()

    @contextmanager
    def rule(self, rule: Rule) -> Iterator[Rule]:
        """Have a rule in force inside the block; its ``id`` is given by this."""
        named = msgspec.structs.replace(rule, id=uuid.uuid4().hex)
        _ask(self.server.port, "POST", "/rules", named)
        try:
            yield named
        finally:
            _ask(self.server.port, "DELETE", f"/rules/{named.id}")

    def hits(self, rule: Rule) -> int:
        """Return how often a rule was applied."""
        return int(_ask(self.server.port, "GET", "/rules")[rule.id])

    def given_up(self, rule: Rule) -> int:
        """Return how often a client gave up a stalled exchange before the proxy did."""
        return int(_ask(self.server.port, "GET", "/given-up").get(rule.id, 0))

    def counts(self, listener: str) -> Counts:
        """Return what came to a listener so far."""
        return msgspec.convert(_ask(self.server.port, "GET", "/counts").get(listener, {}), Counts)

    def await_hits(self, rule: Rule, timeout_s: float) -> int:
        """Wait until a rule was applied as often as it may, ``timeout_s`` at most; return how often it was."""
        wait_for(lambda: self.hits(rule) >= rule.times, timeout_s, POLL_S)
        return self.hits(rule)
