"""An uploader's description of a file: SHA-256, content type and user metadata. Untrusted, so its size is limited."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from windrow.core.checksums import sha256_hex

SHA256_METADATA = "sha256"
"""Uploaders may declare a file's SHA-256 as ``x-amz-meta-sha256`` (`windrow.core.checksums.sha256_hex`)."""

MAX_METADATA_BYTES = 2048
"""S3's limit for the names and values of an object's user metadata together, as UTF-8:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html"""

MAX_CONTENT_TYPE = 255
"""Longest content type that is kept, in characters: RFC 6838 allows 127 before and 127 after the slash."""

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
"""The content type that S3 gives to an object whose uploader named none."""


class Described(msgspec.Struct, frozen=True):
    """An uploader's description of an object. ``sha256`` is lower-case hex, None if none was declared.

    ``content_type`` is empty if none was given. Names in ``metadata`` are without ``x-amz-meta-``.
    """

    sha256: str | None = None
    content_type: str = ""
    metadata: dict[str, str] = {}


def described(content_type: str, metadata: Mapping[str, str]) -> Described:
    """Return the part of an uploader's description that is kept: what exceeds S3's own limits is left out.

    Names are in lower case, as S3 stores them, and sorted, so that the same file makes the same archive.
    """
    kept = content_type if len(content_type) <= MAX_CONTENT_TYPE and content_type != DEFAULT_CONTENT_TYPE else ""
    named = {name.lower(): value for name, value in sorted(metadata.items())}
    size = sum(len(text.encode(errors="surrogatepass")) for pair in named.items() for text in pair)
    return Described(sha256_hex(named.get(SHA256_METADATA)), kept, named if size <= MAX_METADATA_BYTES else {})
