"""What an uploader says of a file: its SHA-256, its content type, user metadata. Bounded, since others write it."""

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
"""Characters of a content type that is kept: RFC 6838 allows 127 for the type and 127 for what follows the slash."""

UNSAID = "binary/octet-stream"
"""The content type that S3 gives to an object whose uploader named none."""


class Described(msgspec.Struct, frozen=True):
    """What an uploader said of an object. ``sha256`` is lower-case hex, None where none was declared.

    ``content_type`` is empty where none was said. ``metadata`` has the names of user metadata without ``x-amz-meta-``.
    """

    sha256: str | None = None
    content_type: str = ""
    metadata: dict[str, str] = {}


def described(content_type: str, metadata: Mapping[str, str]) -> Described:
    """Return what is kept of what an uploader said: what no S3 would have stored is left out.

    Names are in lower case, as S3 stores them, and sorted, so that the same file makes the same archive.
    """
    kept = content_type if len(content_type) <= MAX_CONTENT_TYPE and content_type != UNSAID else ""
    said = {name.lower(): value for name, value in sorted(metadata.items())}
    size = sum(len(text.encode(errors="surrogatepass")) for pair in said.items() for text in pair)
    return Described(sha256_hex(said.get(SHA256_METADATA)), kept, said if size <= MAX_METADATA_BYTES else {})
