"""A reverse proxy that breaks HTTP exchanges on request: a separate process between a client and its server.

Toxiproxy breaks connections and knows nothing of HTTP; this breaks single requests: a 503 instead of an answer, a
reply lost after the request was carried out, a body cut short, a byte changed.

    python -m bench.faults.proxy LISTENERS.json

listens as the file says (a list of `Listener`) and takes orders on the port in ``GATEWAY_PORT``: ``POST /rules`` adds
a `Rule`, ``DELETE /rules/ID`` removes one, ``GET /rules`` returns how often each was applied, ``GET /given-up`` how
often the client gave up first, and ``GET /counts`` what came to each listener, broken or not (`Counts`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import ssl
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import msgspec

HOST = "127.0.0.1"
HEAD_LIMIT_BYTES = 1024 * 1024
METADATA = "x-amz-meta-sha256_checksum"
_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing sends a reset, not an orderly end."""


class Action(StrEnum):
    """What is done to an exchange."""

    COUNT = "count"
    """Nothing: the exchange is only counted."""
    ANSWER = "answer"
    """Answer instead of the server, which never gets the request."""
    LOSE_REPLY = "lose-reply"
    """Have the request carried out, then reset the connection instead of passing the reply on."""
    TRUNCATE = "truncate"
    """Pass on the head and half of the body, then reset the connection."""
    SLOW = "slow"
    """Pass the body on in pieces spread over ``seconds``."""
    STALL = "stall"
    """Answer nothing for ``seconds``, then reset the connection; the server never gets the request."""
    FLIP_BODY = "flip-body"
    """Change one bit of the request's body."""
    FLIP_METADATA = "flip-metadata"
    """Change the SHA-256 in the request's metadata and sign it anew, so that the server takes it."""


class Listener(msgspec.Struct, frozen=True):
    """A port and the server behind it; with ``certificate`` (PEM of key and chain) it speaks TLS."""

    name: str
    port: int
    upstream_port: int
    certificate: str = ""


class Counts(msgspec.Struct):
    """What came to a listener since the start: clients that opened TLS, whole requests, and answers written."""

    greetings: int = 0
    requests: int = 0
    answers: int = 0


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Which exchanges of a listener to break, and how: the next ``times`` that match.

    ``method`` and ``target`` are regular expressions for the request line, ``operation`` for the header X-Amz-Target
    (DynamoDB, SQS). ``status``, ``body`` and ``content_type`` are for `Action.ANSWER`. A client that ends a stalled
    exchange after ``timeout_s`` or more has given up; one that does so earlier has died.
    """

    id: str
    listener: str
    action: Action
    times: int = 1
    method: str = ""
    target: str = ""
    operation: str = ""
    status: int = 503
    body: str = ""
    content_type: str = "application/xml"
    seconds: float = 0.0
    timeout_s: float = 0.0


class Request(msgspec.Struct):
    """One request as it came: header names in lower case."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's value, empty without it."""
        return next((value for key, value in self.headers if key == name), "")

    def encode(self) -> bytes:
        """Return the bytes to send on."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class Rules:
    """The rules in force, and how often each was applied."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self.hits: dict[str, int] = {}
        self.given_up: Counter[str] = Counter()

    def add(self, rule: Rule) -> None:
        """Put a rule in force."""
        self._rules[rule.id] = rule
        self.hits[rule.id] = 0

    def remove(self, rule_id: str) -> None:
        """Take a rule out of force and forget its count."""
        self._rules.pop(rule_id, None)
        self.hits.pop(rule_id, None)

    def take(self, listener: str, request: Request) -> Rule | None:
        """Return the rule to apply to a request, and count it."""
        for rule in self._rules.values():
            if rule.listener == listener and self.hits[rule.id] < rule.times and _matches(rule, request):
                self.hits[rule.id] += 1
                return rule
        return None


def _matches(rule: Rule, request: Request) -> bool:
    checks = (
        (rule.method, request.method),
        (rule.target, request.target),
        (rule.operation, request.header("x-amz-target")),
    )
    return all(re.search(pattern, value) for pattern, value in checks)


class _Broken(Exception):
    """The connection is to be reset."""


async def _read_head(reader: asyncio.StreamReader) -> list[str]:
    head = await reader.readuntil(b"\r\n\r\n")
    return head[:-4].decode("latin-1").split("\r\n")


def _headers(lines: list[str]) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in lines)
    return [(name.strip().lower(), value.strip()) for name, _, value in pairs]


async def _read_body(reader: asyncio.StreamReader, headers: list[tuple[str, str]]) -> bytes:
    """Return a body as it is on the wire: chunked ones with their chunk lines."""
    named = dict(headers)
    if "chunked" in named.get("transfer-encoding", "").lower():
        return await _read_chunks(reader)
    return await reader.readexactly(int(named.get("content-length", "0")))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while True:
        line = await reader.readuntil(b"\r\n")
        pieces.append(line)
        size = int(line.split(b";")[0], 16)
        if size == 0:
            while line != b"\r\n":
                line = await reader.readuntil(b"\r\n")
                pieces.append(line)
            return b"".join(pieces)
        pieces.append(await reader.readexactly(size + 2))


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    first, *lines = await _read_head(reader)
    method, target, _ = first.split(" ", 2)
    headers = _headers(lines)
    if any(name == "expect" for name, _ in headers):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        headers = [(name, value) for name, value in headers if name != "expect"]
    return Request(method, target, headers, await _read_body(reader, headers))


async def _exchange(port: int, request: Request) -> tuple[bytes, bytes]:
    """Have the server carry out a request; return the reply's head and body as on the wire."""
    reader, writer = await asyncio.open_connection(HOST, port, limit=HEAD_LIMIT_BYTES)
    try:
        writer.write(request.encode())
        await writer.drain()
        while True:
            first, *lines = await _read_head(reader)
            status = int(first.split(" ", 2)[1])
            if status != 100:
                break
        headers = _headers(lines)
        head = "\r\n".join([first, *lines, "", ""]).encode("latin-1")
        bare = request.method == "HEAD" or status in (204, 304)
        return head, b"" if bare else await _read_body(reader, headers)
    finally:
        writer.transport.abort()


class Proxy:
    """Serves all listeners."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.counts: dict[str, Counts] = defaultdict(Counts)

    async def listen(self, listener: Listener) -> asyncio.Server:
        """Open a listener's port."""
        context = None
        if listener.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(listener.certificate)
            context.sni_callback = self._greeted(listener)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(listener, reader, writer)

        return await asyncio.start_server(serve, HOST, listener.port, ssl=context, limit=HEAD_LIMIT_BYTES, backlog=512)

    def _greeted(self, listener: Listener) -> Callable[..., None]:
        """Return what OpenSSL is to call at each ClientHello: that one is counted though the handshake may fail."""

        def greeted(*_: object) -> None:
            self.counts[listener.name].greetings += 1

        return greeted

    async def _serve(self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts = self.counts[listener.name]
        try:
            while True:
                request = await _read_request(reader, writer)
                counts.requests += 1
                await self._answer(listener, request, reader, writer)
                await writer.drain()
                counts.answers += 1
        except (_Broken, OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            _reset(writer)

    async def _answer(
        self, listener: Listener, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        rule = self._rules.take(listener.name, request)
        action = rule.action if rule else None
        if rule and action is Action.ANSWER:
            writer.write(_scripted(rule, request))
            return
        if rule and action is Action.STALL:
            if await _leaves(reader, rule):
                self._rules.given_up[rule.id] += 1
            raise _Broken
        if action is Action.FLIP_BODY:
            request.body = flip(request.body)
        elif action is Action.FLIP_METADATA:
            request.headers = resigned(request, listener)
        head, body = await _exchange(listener.upstream_port, request)
        if action is Action.LOSE_REPLY:
            raise _Broken
        writer.write(head)
        if action is Action.TRUNCATE:
            writer.write(body[: len(body) // 2])
            await writer.drain()
            raise _Broken
        if rule and action is Action.SLOW:
            await _drip(writer, body, rule.seconds)
        else:
            writer.write(body)


async def _leaves(reader: asyncio.StreamReader, rule: Rule) -> bool:
    """Answer nothing for as long as the rule says; return whether the client gave up meanwhile."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        left = not await asyncio.wait_for(reader.read(1), rule.seconds)
    except ConnectionError:
        left = True
    except TimeoutError:
        left = False
    return left and loop.time() - begun >= rule.timeout_s


def _reset(writer: asyncio.StreamWriter) -> None:
    plain = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    writer.transport.abort()


async def _drip(writer: asyncio.StreamWriter, body: bytes, seconds: float) -> None:
    pieces = 8
    size = len(body) // pieces + 1
    for start in range(0, len(body), size):
        writer.write(body[start : start + size])
        await writer.drain()
        await asyncio.sleep(seconds / pieces)


def _scripted(rule: Rule, request: Request) -> bytes:
    body = b"" if request.method == "HEAD" else rule.body.encode()
    head = (
        f"HTTP/1.1 {rule.status} Scripted\r\nContent-Type: {rule.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def flip(body: bytes) -> bytes:
    """Return the body with one bit in its middle changed."""
    changed = bytearray(body)
    if changed:
        changed[len(changed) // 2] ^= 1
    return bytes(changed)


def resigned(request: Request, listener: Listener) -> list[tuple[str, str]]:
    """Return the request's headers with another SHA-256 in the metadata, signed by the keys in this environment."""
    from botocore.auth import S3SigV4Auth  # noqa: PLC0415 - heavy, and needed for this action only
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    declared = request.header(METADATA)
    wrong = ("f" if declared[:1] == "0" else "0") + declared[1:]
    headers = {name: value for name, value in request.headers if name != "authorization"}
    headers[METADATA] = wrong
    scheme = "https" if listener.certificate else "http"
    unsigned = AWSRequest(
        request.method, f"{scheme}://{headers['host']}{request.target}", headers, data=request.body or None
    )
    credentials = Credentials(os.environ["PROXY_ACCESS_KEY"], os.environ["PROXY_SECRET_KEY"])
    S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(unsigned)
    return [(name.lower(), str(value)) for name, value in unsigned.headers.items()]


async def _control(rules: Rules, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError):
        while True:
            request = await _read_request(reader, writer)
            status, answer = _order(rules, proxy, request)
            head = f"HTTP/1.1 {status} Done\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
            writer.write(head.encode() + answer)
            await writer.drain()
    writer.close()


def _order(rules: Rules, proxy: Proxy, request: Request) -> tuple[int, bytes]:
    if request.target == "/counts":
        return 200, msgspec.json.encode(proxy.counts)
    if request.target == "/given-up":
        return 200, msgspec.json.encode(rules.given_up)
    if request.method == "POST" and request.target == "/rules":
        try:
            rules.add(msgspec.json.decode(request.body, type=Rule))
        except msgspec.ValidationError as error:
            return 400, msgspec.json.encode(str(error))
    elif request.method == "DELETE":
        rules.remove(request.target.rpartition("/")[2])
    return 200, msgspec.json.encode(rules.hits)


async def main(listeners: list[Listener]) -> None:
    """Serve until killed."""
    rules = Rules()
    proxy = Proxy(rules)
    for listener in listeners:
        await proxy.listen(listener)

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _control(rules, proxy, reader, writer)

    async with await asyncio.start_server(control, HOST, int(os.environ["GATEWAY_PORT"])) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=list[Listener])))
