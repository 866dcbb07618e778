"""The HTTP endpoints of a worker: ``/metrics`` for Prometheus, ``/livez`` and ``/readyz`` for its supervisor."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from windrow.core.errors import SettingsError
from windrow.core.printable import printable

AT_ONCE = 16
"""Requests answered concurrently; further connections are closed."""
TIMEOUT_S = 10.0
"""Timeout for a client that does not send or receive."""

Page = Callable[[], tuple[int, str, bytes]]
"""Returns status, content type and body."""

_log = logging.getLogger(__name__)


def metrics_page(registry: CollectorRegistry) -> Page:
    """Return the page that Prometheus scrapes."""
    return lambda: (200, CONTENT_TYPE_LATEST, generate_latest(registry))


def health_page(faults: Callable[[], Mapping[str, str]]) -> Page:
    """Return a page with status 200 if there is no fault, else 503 with one line for each fault."""

    def page() -> tuple[int, str, bytes]:
        found = faults()
        lines = [f"{printable(name)}: {printable(why)}\n" for name, why in found.items()] or ["ok\n"]
        return 503 if found else 200, "text/plain; charset=utf-8", "".join(lines).encode()

    return page


def address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` or ``[HOST]:PORT``. Raises `SettingsError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65_536:  # noqa: PLR2004 - of TCP
        raise SettingsError(f"--listen must be HOST:PORT, as 127.0.0.1:9464, not {text[:80]!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


@contextmanager
def serving(at: tuple[str, int], pages: Mapping[str, Page]) -> Iterator[None]:
    """Serve pages at an address within the block. Raises `SettingsError` if it can't listen there."""
    try:
        server = _Server(at, pages)
    except (OSError, OverflowError) as error:
        raise SettingsError(f"--listen {at[0]}:{at[1]}: {error}") from error
    with server:
        thread = threading.Thread(target=server.serve_forever, name="windrow-web", daemon=True)
        thread.start()
        _log.info("listening at %s:%d", *at)
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 4 * AT_ONCE  # with the default, a refused client waits a second

    def __init__(self, at: tuple[str, int], pages: Mapping[str, Page]) -> None:
        self.pages = pages
        self._free = threading.BoundedSemaphore(AT_ONCE)
        ((self.address_family, _, _, _, _), *_) = socket.getaddrinfo(*at, type=socket.SOCK_STREAM)
        super().__init__(at, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, _request: object, _client_address: object) -> None:
        """Log nothing: clients close connections, and a page's failure is logged where it happens."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        try:
            status, kind, body = page() if page else (404, "text/plain", b"not found\n")
        except Exception:  # noqa: BLE001 - only this request fails
            _log.exception("a page could not be rendered")
            status, kind, body = 500, "text/plain", b"this page could not be rendered; the log says why\n"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Do not log requests: there are too many."""
