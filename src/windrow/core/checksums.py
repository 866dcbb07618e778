"""The SHA-256 that an uploader may declare, in the usual notations."""

from __future__ import annotations

import re
from base64 import b64decode

_DECLARED = re.compile(
    r"\s*(?:sha-?256[:=-])?(?:(?P<hex>[0-9a-f]{64})|(?P<base64>[0-9a-z+/_-]{43}=?))\s*", re.ASCII | re.IGNORECASE
)
_URL_SAFE = str.maketrans("-_", "+/")


def sha256_hex(declared: str | None) -> str | None:
    """Return a declared SHA-256 in lower-case hex, None if the text is not a SHA-256: then it is ignored.

    It may be hex or base64 (standard or URL-safe alphabet, padded or not), after ``sha256:``, or after the prefix of a
    ``Digest`` header (``SHA-256=``) or of subresource integrity (``sha256-``).
    """
    match = _DECLARED.fullmatch(declared or "")
    if match is None:
        return None
    if match["hex"]:
        return match["hex"].lower()
    return b64decode(match["base64"].rstrip("=").translate(_URL_SAFE) + "=").hex()
