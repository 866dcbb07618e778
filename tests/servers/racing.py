"""A small S3 server whose conditional writes keep others out, or don't, as it is told."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.scripted import serving

BETWEEN_S = 0.005
"""What a racy server does between looking and storing."""


class Kind(StrEnum):
    """How a server looks whether a key is free.

    ``sound``: under a lock that it holds until the body is stored. ``racy``: after it has read the body, without a
    lock. ``early``: before it reads the body. ``racy completions``: sound for PUTs, racy for uploads in parts.
    """

    SOUND = "sound"
    RACY = "racy"
    EARLY = "early"
    RACY_COMPLETIONS = "racy completions"


@dataclass
class Store:
    """What a server holds."""

    kind: Kind
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, key: str, body: bytes, *, racy: bool) -> bool:
        """Store under a free key; tell whether it was free."""
        with nullcontext() if racy else self.lock:
            if key in self.objects:
                return False
            time.sleep(BETWEEN_S)
            self.objects[key] = body
            return True


def racing(kind: Kind) -> AbstractContextManager[str]:
    """Run a server of a kind; give its URL."""
    return serving(_Server(kind))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, kind: Kind) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = Store(kind)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are the test's."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Be quiet."""

    def do_PUT(self) -> None:
        key, query = self._where()
        taken = self.server.store.kind is Kind.EARLY and key in self.server.store.objects
        if source := self.headers.get("x-amz-copy-source"):
            body = self.server.store.objects[f"/{source.lstrip('/')}"]
        else:
            body = self._body()
        if "uploadId" in query:
            self.server.store.uploads[query["uploadId"][0]] = body
            part = f"<CopyPartResult><ETag>{etag(body)}</ETag></CopyPartResult>" if source else ""
            return self._answer(200, part.encode(), ETag=etag(body))
        if self.server.store.kind is Kind.EARLY:
            if not taken:
                self.server.store.objects[key] = body
            return self._answer(412 if taken else 200, ETag=etag(body))
        written = self.server.store.write(key, body, racy=self.server.store.kind is Kind.RACY)
        return self._answer(200 if written else 412, ETag=etag(body))

    def do_POST(self) -> None:
        key, query = self._where()
        self._body()
        if "uploads" in query:
            upload_id = f"u{len(self.server.store.uploads)}"
            self.server.store.uploads[upload_id] = b""
            bucket, _, name = key[1:].partition("/")
            text = f"<Bucket>{bucket}</Bucket><Key>{name}</Key><UploadId>{upload_id}</UploadId>"
            return self._answer(200, f"<InitiateMultipartUploadResult>{text}</InitiateMultipartUploadResult>".encode())
        body = self.server.store.uploads[query["uploadId"][0]]
        written = self.server.store.write(key, body, racy=self.server.store.kind in (Kind.RACY, Kind.RACY_COMPLETIONS))
        text = f"<CompleteMultipartUploadResult><ETag>{etag(body)}</ETag></CompleteMultipartUploadResult>"
        return self._answer(200 if written else 412, text.encode() if written else b"")

    def do_GET(self) -> None:
        body = self.server.store.objects.get(self._where()[0])
        if body is None:
            return self._answer(404)
        first, _, last = self.headers.get("Range", f"bytes=0-{len(body) - 1}")[6:].partition("-")
        piece = body[int(first) : int(last) + 1]
        span = f"bytes {first}-{int(first) + len(piece) - 1}/{len(body)}"
        date = formatdate(0, usegmt=True)
        return self._answer(206, piece, ETag=etag(body), Last_Modified=date, Content_Range=span)

    def do_HEAD(self) -> None:
        path, _ = self._where()
        is_bucket = path.count("/") == 1
        body = b"" if is_bucket else self.server.store.objects.get(path)
        if body is None:
            return self._answer(404)
        return self._answer(200, body, ETag=etag(body), Last_Modified=formatdate(0, usegmt=True))

    def do_DELETE(self) -> None:
        self.server.store.objects.pop(self._where()[0], None)
        return self._answer(204)

    def _where(self) -> tuple[str, dict[str, list[str]]]:
        url = urlsplit(self.path)
        return url.path, parse_qs(url.query, keep_blank_values=True)

    def _body(self) -> bytes:
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionError("the body was cut")
        return body

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def etag(body: bytes) -> str:
    """Return an ETag as a server gives it."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
