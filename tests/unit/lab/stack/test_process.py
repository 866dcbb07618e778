from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path

import psutil
import pytest

from windrow.core.errors import LocalStackError
from windrow.lab.stack import process
from windrow.lab.stack.process import HOST, PORTS, Process, Server, free_port, is_free
from windrow.lab.stack.waiting import wait_for, wait_until

SERVE = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def server(folder: Path, code: str = SERVE) -> Server:
    """Return a server of a few lines, not started."""
    return Server(
        "tiny", folder, lambda port: [sys.executable, "-c", code, str(port)], environ={"A": "1"}, health="/health"
    )


def get(url: str) -> int:
    """Return the status of its health page."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url + "/health", timeout=10) as answer:
        return int(answer.status)


def gone(pid: int) -> bool:
    """Wait until a process has ended; a zombie has."""

    def ended() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return wait_for(ended)


def test_server_answers_inside_the_block_and_is_gone_after_it(tmp_path: Path) -> None:
    """Entering returns when the server answers; leaving ends it."""
    with server(tmp_path) as tiny:
        pid = tiny.pid
        assert get(tiny.url) == 200
        assert tiny.port in PORTS
    assert not tiny.running
    assert gone(pid)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_server_comes_back_at_the_same_address(tmp_path: Path, how: str) -> None:
    """A fault test can take a server away and bring it back where clients know it."""
    with server(tmp_path) as tiny:
        url, pid = tiny.url, tiny.pid
        getattr(tiny, how)()
        assert not tiny.running
        tiny.start()
        assert url == tiny.url
        assert pid != tiny.pid
        assert get(url) == 200


def test_start_of_a_running_server_changes_nothing(tmp_path: Path) -> None:
    """Starting twice is harmless."""
    with server(tmp_path) as tiny:
        pid = tiny.pid
        tiny.start()
        assert pid == tiny.pid


def test_server_that_ends_while_starting_quotes_its_log(tmp_path: Path) -> None:
    """The error says what the server said last."""
    with pytest.raises(LocalStackError, match=r"tiny ended while it started(.|\n)*no such luck"):
        server(tmp_path, "raise SystemExit('no such luck')").start()


def test_server_that_never_answers_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that takes too long is an error, and the process does not stay."""
    monkeypatch.setattr(process, "READY_S", 0.5)
    silent = server(tmp_path, "import time; print('waiting', flush=True); time.sleep(600)")
    with pytest.raises(LocalStackError, match=r"waited 0\.5 s for tiny to answer on port"):
        silent.start()
    assert not silent.running


def test_another_process_on_the_port_is_not_taken_for_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When two pick the same port at once, the one that lost it moves to another."""
    with server(tmp_path / "first") as first:
        ports = iter([first.port, free_port()])
        monkeypatch.setattr(process, "free_port", lambda: next(ports))
        with server(tmp_path / "second") as second:
            assert first.port != second.port
            assert get(second.url) == 200


def test_server_sees_none_of_the_users_proxies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's environment is made for it: no proxies and no AWS settings of the user's."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    with server(tmp_path) as tiny:
        environ = psutil.Process(tiny.pid).environ()
    assert environ["A"] == "1"
    assert not {"HTTPS_PROXY", "AWS_PROFILE"} & environ.keys()


def test_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """Stopping never hangs: the timeout ends with SIGKILL."""
    stubborn = Process("stubborn", tmp_path)
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    stubborn.launch([sys.executable, "-c", code], dict(os.environ))
    pid = stubborn.pid
    wait_until("the process to be deaf", lambda: b"deaf" in stubborn.log.read_bytes(), cause=stubborn.log_tail)
    stubborn.stop(timeout_s=0.1)
    assert gone(pid)


def test_pid_of_a_stopped_process_is_an_error(tmp_path: Path) -> None:
    """There is no process id to kill once the process is stopped."""
    idle = Process("idle", tmp_path)
    with pytest.raises(LocalStackError, match="idle is not running"):
        _ = idle.pid


def test_cleanup_runs_after_a_kill(tmp_path: Path) -> None:
    """What a killed process leaves outside, such as a container, is removed."""
    mark = tmp_path / "cleaned"
    job = Process("job", tmp_path, cleanup=["touch", str(mark)])
    job.launch(["sleep", "600"], dict(os.environ))
    job.kill()
    assert mark.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    """Not even SIGKILL of the process that started a server leaves the server, or its leavings, behind."""
    code = f"""
        import os, sys, time
        from pathlib import Path
        from windrow.lab.stack.process import Process
        job = Process("job", Path({str(tmp_path)!r}), cleanup=["touch", {str(tmp_path / "cleaned")!r}])
        job.launch(["sleep", "600"], dict(os.environ))
        print(job.pid, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(how)
        parent.wait()
    assert gone(pid)
    assert wait_for((tmp_path / "cleaned").exists)


def test_port_in_use_is_not_free() -> None:
    """A port that someone listens on is found taken, and free afterwards."""
    port = free_port()
    with socket.create_server((HOST, port)):
        assert not is_free(port)
    assert is_free(port)
