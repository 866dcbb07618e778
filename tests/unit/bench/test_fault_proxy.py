"""The proxy that breaks single HTTP exchanges does exactly what it is told, and nothing else."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator

import pytest
import trustme

from bench.faults.links import HttpProxy
from bench.faults.proxy import Action, Counts, Listener, Rule, flip
from tests.servers.scripted import Answer, http_server
from windrow.lab.stack.process import HOST, free_port
from windrow.lab.stack.waiting import LIMIT_S, wait_for

REPLY = b"0123456789" * 100


class Line:
    """A server that remembers what it heard, behind the proxy."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, bytes]] = []
        self.port = free_port()
        self.tls_port = free_port()
        self.proxy: HttpProxy

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Be the server."""
        self.heard.append((method, path, body))
        return 200, {"X-Server": "real"}, REPLY

    def ask(self, method: str = "GET", path: str = "/a", body: bytes = b"") -> tuple[int, bytes]:
        """Be the client."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Run server and proxy once."""
    line = Line()
    folder = tmp_path_factory.mktemp("proxy")
    certificate = folder / "proxy.pem"
    certificate.write_bytes(trustme.CA().issue_cert(HOST).private_key_and_cert_chain_pem.bytes())
    with http_server(line.answer) as url:
        upstream = int(url.rpartition(":")[2])
        listeners = [
            Listener("link", line.port, upstream),
            Listener("tls", line.tls_port, upstream, str(certificate)),
        ]
        with HttpProxy(folder, listeners) as line.proxy:
            yield line


@pytest.fixture
def line(running: Line) -> Line:
    """Return the line, nothing heard yet."""
    running.heard.clear()
    return running


def rule(action: Action, **more: object) -> Rule:
    """Return a rule for the link."""
    return Rule(id="", listener="link", action=action, **more)  # type: ignore[arg-type]


def test_without_rules_everything_passes(line: Line) -> None:
    """Request and reply arrive as they were sent, on one connection too."""
    connection = http.client.HTTPConnection(HOST, line.port, timeout=30)
    for number in range(3):
        connection.request("PUT", f"/{number}", b"body")
        assert REPLY == connection.getresponse().read()
    connection.close()

    assert [("PUT", f"/{number}", b"body") for number in range(3)] == line.heard


def test_chunked_requests_pass(line: Line) -> None:
    """A body of unknown length arrives whole."""
    connection = http.client.HTTPConnection(HOST, line.port, timeout=30)
    connection.request(
        "POST", "/a", iter([b"one", b"two"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    assert 200 == connection.getresponse().status
    connection.close()


def test_it_answers_for_the_server_as_often_as_told(line: Line) -> None:
    """The server hears of the third request only; the rule counts the two it was applied to."""
    with line.proxy.rule(rule(Action.ANSWER, status=503, body="no", times=2)) as named:
        answers = [line.ask() for _ in range(3)]
        assert 2 == line.proxy.hits(named)

    assert [(503, b"no"), (503, b"no"), (200, REPLY)] == answers
    assert 1 == len(line.heard)


def test_counting_changes_nothing(line: Line) -> None:
    """Request and reply pass, and the rule knows how many did."""
    with line.proxy.rule(rule(Action.COUNT, times=9)) as named:
        assert [(200, REPLY)] * 2 == [line.ask(), line.ask()]
        assert 2 == line.proxy.hits(named)


def test_a_rule_applies_to_what_it_names_only(line: Line) -> None:
    """Method and target both have to match."""
    with line.proxy.rule(rule(Action.ANSWER, method="PUT", target="^/x", times=9)) as named:
        assert [200, 200, 503] == [line.ask("GET", "/x")[0], line.ask("PUT", "/y")[0], line.ask("PUT", "/x")[0]]
        assert 1 == line.proxy.hits(named)


def test_a_lost_reply_was_carried_out(line: Line) -> None:
    """The server has done its work and the client cannot know."""
    with line.proxy.rule(rule(Action.LOSE_REPLY)), pytest.raises((ConnectionError, http.client.HTTPException)):
        line.ask("PUT", body=b"body")

    assert [("PUT", "/a", b"body")] == line.heard


def test_a_truncated_body_ends_early(line: Line) -> None:
    """The head promises more than comes."""
    with line.proxy.rule(rule(Action.TRUNCATE)), pytest.raises((ConnectionError, http.client.IncompleteRead)):
        line.ask()


def test_a_slow_body_arrives_whole(line: Line) -> None:
    """It only takes its time."""
    with line.proxy.rule(rule(Action.SLOW, seconds=0.2)):
        assert (200, REPLY) == line.ask()


def test_a_stalled_request_is_never_heard_of(line: Line) -> None:
    """The client waits for nothing."""
    with (
        line.proxy.rule(rule(Action.STALL, seconds=0.1)),
        pytest.raises((ConnectionError, http.client.HTTPException)),
    ):
        line.ask()

    assert [] == line.heard


def test_one_bit_of_the_body_changes(line: Line) -> None:
    """No more and no less."""
    with line.proxy.rule(rule(Action.FLIP_BODY)):
        line.ask("PUT", body=b"abcde")

    assert [("PUT", "/a", b"abbde")] == line.heard
    assert b"" == flip(b"")


def test_a_wrong_order_is_refused(line: Line) -> None:
    """A rule that is none is an error for the one who gives it, not for the traffic."""
    with pytest.raises(RuntimeError), line.proxy.rule(rule(Action.ANSWER, times="often")):
        pass

    assert 200 == line.ask()[0]


def test_a_client_that_gives_up_is_told_from_one_that_dies(line: Line) -> None:
    """It ends the connection after the time that it is known to wait, not before."""
    for timeout_s, given_up in ((0.2, 1), (5.0, 0)):
        with line.proxy.rule(rule(Action.STALL, seconds=30, timeout_s=timeout_s)) as named:
            connection = http.client.HTTPConnection(HOST, line.port, timeout=1.0)
            connection.request("GET", "/a")
            with pytest.raises(TimeoutError):
                connection.getresponse()
            connection.close()
            limit_s = LIMIT_S if given_up else 0.3
            assert given_up == wait_for(lambda rule=named: line.proxy.given_up(rule), limit_s)  # type: ignore[misc]


def test_it_counts_what_comes(line: Line) -> None:
    """Requests with and without an answer, broken or not; a listener that nobody knows has none."""
    before = line.proxy.counts("link")
    line.ask()
    with line.proxy.rule(rule(Action.LOSE_REPLY)), pytest.raises((ConnectionError, http.client.HTTPException)):
        line.ask()
    after = line.proxy.counts("link")

    assert (2, 1) == (after.requests - before.requests, after.answers - before.answers)
    assert Counts() == line.proxy.counts("other")


def test_it_counts_clients_that_refuse_its_certificate(line: Line) -> None:
    """They open TLS and go no further."""
    strict = http.client.HTTPSConnection(HOST, line.tls_port, timeout=30, context=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        strict.request("GET", "/a")

    assert Counts(greetings=1) == line.proxy.counts("tls")
