"""What an endpoint URL names, and whether it can name anything."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
"""A part of a host's name (RFC 1123, section 2.1); botocore takes no other either."""
_MAX_HOST = 253
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def parsed(text: str) -> SplitResult | None:
    """Return the parts of an http(s) URL, None if it is none, or if its host or port can't be."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or port == 0 or parts.netloc.endswith(":"):
        return None
    return parts if text.isprintable() and " " not in text and _is_host(parts.hostname or "") else None


def is_loopback(endpoint: str) -> bool:
    """Tell whether an endpoint URL names this machine."""
    host = urlsplit(endpoint).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_aws(endpoint: str) -> bool:
    """Tell whether an endpoint URL is one of AWS's own."""
    return (urlsplit(endpoint).hostname or "").endswith(_AWS)


def is_same(endpoint: str, other: str) -> bool:
    """Tell whether two endpoint URLs lead to one server; all names of this machine are one."""
    return _place(endpoint) == _place(other)


def is_label(text: str) -> bool:
    """Tell whether a text may be part of a host's name, as regions are."""
    return _LABEL.fullmatch(text) is not None


def _place(endpoint: str) -> tuple[str | None, int | None]:
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
        # A last label of digits alone is half an IPv4 address, and taken for one.
        return len(name) <= _MAX_HOST and all(map(is_label, labels)) and not labels[-1].isdigit()
    return True
