"""The pages of a worker, over HTTP."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from windrow.core.errors import SettingsError
from windrow.lab.stack.process import HOST, free_port
from windrow.lab.stack.waiting import LIMIT_S, wait_until
from windrow.worker import web

FAULTS: dict[str, str] = {}


def broken() -> tuple[int, str, bytes]:
    """Fail as a page can."""
    raise ZeroDivisionError("nobody foresaw this")


@pytest.fixture
def port() -> Iterator[int]:
    """Serve some pages; return the port."""
    FAULTS.clear()
    at = (HOST, free_port())
    with web.serving(at, {"/readyz": web.health_page(lambda: FAULTS), "/broken": broken}):
        yield at[1]


def get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    """Ask for a page; return status and text."""
    connection = http.client.HTTPConnection(HOST, port, timeout=LIMIT_S)
    connection.request(method, path)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def test_a_page_without_faults_is_200(port: int) -> None:
    """Whatever query follows."""
    assert [(200, "ok\n")] * 2 == [get(port, "/readyz"), get(port, "/readyz?verbose=1")]


def test_each_fault_is_a_line_of_a_503(port: int) -> None:
    """Text of others does not reach a terminal as it is."""
    FAULTS.update({"queue": "no way there\x1b[2J\nok", "destination": "tls"})

    assert (503, "queue: no way there\\x1b[2J\\nok\ndestination: tls\n") == get(port, "/readyz")


def test_what_is_no_page_is_404(port: int) -> None:
    """And nothing of the file system."""
    assert [404, 404] == [get(port, path)[0] for path in ("/", "/../etc/passwd")]


def test_nothing_but_reading_is_possible(port: int) -> None:
    """Other methods are not implemented."""
    assert [501, 501] == [get(port, "/readyz", method)[0] for method in ("POST", "DELETE")]


def test_a_page_that_fails_costs_this_request(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Its error is in the log and not in the answer."""
    status, text = get(port, "/broken")

    assert 500 == status
    assert "nobody foresaw" not in text
    assert "nobody foresaw" in caplog.text
    assert 200 == get(port, "/readyz")[0]


def test_who_holds_connections_open_does_not_stop_it(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond the limit are turned away; when one is given up there is room again."""
    monkeypatch.setattr(web._Handler, "timeout", 5.0)
    before = set(threading.enumerate())  # those of other servers, which other tests leave
    with ExitStack() as held:
        for _ in range(web.AT_ONCE + 8):
            held.enter_context(socket.create_connection((HOST, port), timeout=LIMIT_S))
        wait_until("a full house", lambda: len(answering(before)) == web.AT_ONCE)
        wait_until("an answer", lambda: answers(port))


def answering(before: set[threading.Thread]) -> list[threading.Thread]:
    """Return the new threads that answer, or wait for, a request."""
    found = [thread for thread in set(threading.enumerate()) - before if "process_request_thread" in thread.name]
    assert len(found) <= web.AT_ONCE
    return found


def answers(port: int) -> bool:
    """Return whether the worker answers."""
    try:
        return get(port, "/readyz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:80", ("::1", 80)), ("localhost:1", ("localhost", 1))],
)
def test_an_address_is_read(text: str, expected: tuple[str, int]) -> None:
    """Of either kind."""
    assert expected == web.address(text)


@pytest.mark.parametrize("text", ["", "9464", ":9464", "host:", "host:http", "host:0", "host:65536", "host:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """With what it must be."""
    with pytest.raises(SettingsError, match="must be HOST:PORT"):
        web.address(text)


def test_an_address_that_is_taken_is_named(port: int) -> None:
    """At the start, before anything is received."""
    with pytest.raises(SettingsError, match=f"--listen {HOST}:{port}: "), web.serving((HOST, port), {}):
        pass
