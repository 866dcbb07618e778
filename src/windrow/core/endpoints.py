"""Endpoint URLs: which are valid, and which server they name."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
"""A label of a host name (RFC 1123, section 2.1); botocore accepts no other either."""
_MAX_HOST = 253
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def parsed(text: str) -> SplitResult | None:
    """Return the parts of an http(s) URL, None if it is not one or if its host or port is not valid."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or port == 0 or parts.netloc.endswith(":"):
        return None
    return parts if text.isprintable() and " " not in text and _is_host(parts.hostname or "") else None


def is_loopback(endpoint: str) -> bool:
    """Return whether an endpoint URL names this machine."""
    host = urlsplit(endpoint).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_aws(endpoint: str) -> bool:
    """Return whether an endpoint URL is one of AWS's own."""
    return (urlsplit(endpoint).hostname or "").endswith(_AWS)


def is_same(endpoint: str, other: str) -> bool:
    """Return whether two endpoint URLs name the same server; all loopback addresses count as one host."""
    return _host_and_port(endpoint) == _host_and_port(other)


def is_label(text: str) -> bool:
    """Return whether a text may be a label of a host name, as regions are."""
    return _LABEL.fullmatch(text) is not None


def _host_and_port(endpoint: str) -> tuple[str | None, int | None]:
    parts = parsed(endpoint)
    if parts is None:
        return None, None
    host = "localhost" if is_loopback(endpoint) else parts.hostname
    return host, parts.port or (443 if parts.scheme == "https" else 80)


def _is_host(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        labels = name.split(".")
        # A last label of digits only would be read as part of an IPv4 address.
        return len(name) <= _MAX_HOST and all(map(is_label, labels)) and not labels[-1].isdigit()
    return True
