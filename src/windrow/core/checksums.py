"""The SHA-256 that an uploader may declare, as people write it."""

from __future__ import annotations

import re
from base64 import b64decode

_DECLARED = re.compile(
    r"\s*(?:sha-?256[:=-])?(?:(?P<hex>[0-9a-f]{64})|(?P<base64>[0-9a-z+/_-]{43}=?))\s*", re.ASCII | re.IGNORECASE
)
_URL_SAFE = str.maketrans("-_", "+/")


def sha256_hex(declared: str | None) -> str | None:
    """Return a declared SHA-256 in lower-case hex, None if the text is none: then nothing is declared.

    It may be hex or base64, of either alphabet, padded or not, behind ``sha256:`` or what stands for it in a ``Digest``
    header or a subresource's integrity (``SHA-256=``, ``sha256-``).
    """
    match = _DECLARED.fullmatch(declared or "")
    if match is None:
        return None
    if match["hex"]:
        return match["hex"].lower()
    return b64decode(match["base64"].rstrip("=").translate(_URL_SAFE) + "=").hex()
