"""What an endpoint URL names."""

from __future__ import annotations

import pytest

from windrow.core.endpoints import is_aws, is_label, is_loopback, is_same, parsed

GOOD = [
    "https://minio.example",
    "http://10.0.0.1:9000",
    "http://[::1]:9000/path",
    "https://a-b.c1",
    "https://localhost",
    f"https://{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}",
    "https://minio.example:65535",
    "http://1.2.3.a4",
]
BAD = [
    "",
    "minio.example",
    "ftp://minio.example",
    "https://",
    "https://:9000",
    "https://minio.example:",
    "https://minio.example:0",
    "https://minio.example:65536",
    "https://minio.example:port",
    "https://[::1",
    "https://-a.example",
    "https://a-.example",
    "https://a..example",
    "https://under_score.example",
    "https://ümlaut.example",
    f"https://{'a' * 64}.example",
    f"https://{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 62}",
    "https://10.0.0",
    "https://10.0.0.256",
    "https://minio.example/a b",
    "https://minio.example/\x07",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_url_that_can_name_a_server_is_parsed(text: str) -> None:
    """Names, addresses of both kinds, ports and paths."""
    parts = parsed(text)

    assert parts is not None
    assert text == parts.geturl()


@pytest.mark.parametrize("text", BAD)
def test_a_url_that_can_not_is_none(text: str) -> None:
    """Half an address, a label too long, a port that is none, or what no terminal should show."""
    assert parsed(text) is None


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://localhost:9000", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
        ("nonsense", False),
    ],
)
def test_only_this_machine_is_loopback(endpoint: str, expected: bool) -> None:
    """By name or by address."""
    assert expected is is_loopback(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://s3.eu-west-2.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://s3.dualstack.eu-west-2.api.aws", True),
        ("https://amazonaws.com.example", False),
        ("https://minio.example", False),
        ("https://", False),
    ],
)
def test_aws_is_told_by_its_names(endpoint: str, expected: bool) -> None:
    """Whatever the service and the region."""
    assert expected is is_aws(endpoint)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("http://localhost:9000", "http://127.0.0.1:9000/", True),
        ("http://localhost:9000", "http://localhost:9001", False),
        ("http://minio.example", "http://minio.example:80", True),
        ("https://minio.example", "https://minio.example:443", True),
        ("http://minio.example", "https://minio.example", False),
        ("https://minio.example", "https://other.example", False),
        ("nonsense", "other nonsense", True),
        ("nonsense", "https://minio.example", False),
    ],
)
def test_two_urls_of_one_server_are_the_same(one: str, other: str, expected: bool) -> None:
    """Also where one leaves the port to the scheme, or names this machine otherwise."""
    assert expected is is_same(one, other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eu-west-2", True),
        ("a", True),
        ("A1", True),
        ("", False),
        ("-a", False),
        ("a-", False),
        ("a.b", False),
        ("a_b", False),
        ("a\n", False),
    ],
)
def test_a_label_is_what_stands_between_dots(text: str, expected: bool) -> None:
    """As regions are written."""
    assert expected is is_label(text)
