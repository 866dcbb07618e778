"""Servers that misbehave to order, on a loopback port."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from botocore.awsrequest import AWSRequest

if TYPE_CHECKING:
    from botocore.auth import SigV4Auth

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body; a header Content-Length may tell a lie."""


def s3_error(status: int, code: str) -> Answer:
    """Return S3's answer for an error code."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>as scripted</Message></Error>"
    return status, {"Content-Type": "application/xml"}, body.encode()


@dataclass(frozen=True)
class Request:
    """What a client sent; the names of headers are looked up in any case."""

    method: str
    path: str
    headers: Message
    body: bytes


def signature(sent: Request, url: str, signer: SigV4Auth) -> tuple[set[str], str]:
    """Return the names of the headers that a request to a server's URL signed, and the signature of what came."""
    signed = sent.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: sent.headers[name] for name in signed}
    request = AWSRequest(sent.method, f"{url}{sent.path}", headers, sent.body)
    request.context["timestamp"] = sent.headers["X-Amz-Date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return set(signed), signer.signature(text, request)


def http_server(answer: Callable[[str, str, bytes], Answer]) -> AbstractContextManager[str]:
    """Run a server that answers (method, path, body) as told; give its URL."""
    return request_server(lambda request: answer(request.method, request.path, request.body))


@contextlib.contextmanager
def request_server(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """Run a server that answers requests as told; give its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else the body, written after the head, waits for the client's delayed ACK

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Be quiet."""

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = answer(Request(self.command, self.path, self.headers, body))
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            if headers.get("Content-Length", str(len(content))) != str(len(content)):
                self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _handle  # noqa: N815 - names of the base class

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


@contextlib.contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """Have a server that listens serve on a thread; give its URL."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def socket_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that hands each connection to ``serve`` on a thread and then closes it; give its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def run(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError), connection:
            serve(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threads.append(threading.Thread(target=run, args=(connection,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        acceptor.join()
        for thread in threads:
            thread.join()


def read_request(connection: socket.socket) -> None:
    """Read one HTTP request with its body, telling the client to go on where it asks."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if headers.get(b"expect") == b"100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < int(headers.get(b"content-length", b"0")):
        piece = connection.recv(65536)
        if not piece:
            return
        body += piece
