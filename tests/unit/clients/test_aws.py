"""The session that AWS clients come from, and the proxies that no client uses on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import windrow
from tests.servers.scripted import Answer, http_server
from windrow.clients.aws import proxies_for, session
from windrow.clients.destination.bucket import S3Destination
from windrow.clients.destination.minio_keys import MinioKeys
from windrow.clients.s3.landing import S3Landing
from windrow.clients.secrets.credentials import FixedSecrets
from windrow.core.errors import SettingsError
from windrow.core.events import SourceObject
from windrow.ports import Credentials
from windrow.testing import FakeClock

SOURCES = Path(windrow.__file__).parent
SOURCE = SourceObject("bucket", "k", "v1", "e", "01", 2, datetime(2026, 11, 23, 10, 7, tzinfo=UTC))
HEADERS = {"Last-Modified": "Mon, 23 Nov 2026 10:07:00 GMT", "ETag": '"e"', "Content-Type": "application/json"}
KEYS = Credentials("key", "secret-key", None)


def boto3_asks(url: str) -> None:
    """Ask with a client of a session."""
    session({"AWS_REGION": "eu-west-2"}).client("s3", endpoint_url=url).head_object(Bucket="bucket", Key="k")


def obstore_asks(url: str) -> None:
    """Ask for a small object, with obstore alone."""
    landing = S3Landing(session({"AWS_ENDPOINT_URL": url}))
    landing._read_by_boto3 = lambda *_source: pytest.fail("obstore did not get it")  # type: ignore[method-assign]
    landing.get(SOURCE)


def destination_asks(url: str) -> None:
    """Ask the destination for its bucket."""
    S3Destination(url, "bucket", "us-east-1", FixedSecrets(KEYS), FakeClock()).probe()


def minio_asks(url: str) -> None:
    """Remove an access key, with minio-py."""
    MinioKeys(url).remove(KEYS, "old")


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Name a proxy in the environment, as many ways as there are; return what it was asked."""
    asked: list[str] = []

    def answer(_method: str, path: str, _body: bytes) -> Answer:
        asked.append(path)
        return 502, {}, b"this is the proxy"

    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with http_server(answer) as url:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, url)
        yield asked


@pytest.mark.parametrize("asks", [boto3_asks, obstore_asks, destination_asks, minio_asks])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_client_uses_a_proxy_on_this_machine(
    proxied: list[str], monkeypatch: pytest.MonkeyPatch, asks: Callable[[str], None], host: str
) -> None:
    """The proxy's own loopback is another machine's."""
    asked: list[str] = []

    def answer(_method: str, path: str, _body: bytes) -> Answer:
        asked.append(path)
        return 200, HEADERS, b"{}"

    with http_server(answer) as server:
        url = f"http://{host}:{urlsplit(server).port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        asks(url)

    assert ([], True) == (proxied, bool(asked))


def test_other_machines_are_reached_by_the_proxy(proxied: list[str]) -> None:
    """As the environment says."""
    assert proxies_for("https://minio.example:9000").keys() >= {"http", "https"}
    assert {} == proxies_for("https://[::1]:9000")


def test_every_session_is_made_here() -> None:
    """But for the destination's, which has HTTP of its own, and those on the local stack, which has no proxy around."""
    made = re.compile(r"boto3\.client\(|\bSession\(\)")
    modules = {path.relative_to(SOURCES) for path in SOURCES.rglob("*.py") if made.search(path.read_text())}
    elsewhere = {path for path in modules if path.parts[0] != "lab"}
    assert set() == elsewhere


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
    ],
)
def test_the_region_is_where_aws_sdks_look_for_it(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: str
) -> None:
    """AWS_REGION first, which boto3 by itself does not read."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert expected == session(environ).client("sqs").meta.region_name


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "Set AWS_REGION"),
        ({"AWS_REGION": "eu west"}, "eu west"),
        ({"AWS_REGION": "eu-west-2", "AWS_PROFILE": "absent"}, "absent"),
        ({"AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL": "nonsense"}, "nonsense"),
        ({"AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL": "http://localhost:99999"}, "99999"),
        ({"AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL": "http://[::1"}, "AWS_ENDPOINT_URL"),
    ],
)
def test_what_no_client_can_be_made_of_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], says: str
) -> None:
    """It is named in a sentence, before anything is asked of AWS."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=says) as caught:
        session(environ).client("sqs")
    assert ".." not in str(caught.value)
