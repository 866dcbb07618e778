"""The SHA-256 that uploaders declare."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.checksums import sha256_hex

DIGEST = sha256(b"ab").digest()
HEX = DIGEST.hex()
BASE64 = b64encode(DIGEST).decode()


@given(st.binary(min_size=32, max_size=32))
def test_every_digest_is_read_however_it_is_written(digest: bytes) -> None:
    """In hex of either case, in base64 of either alphabet, padded or not, named or not."""
    plain, base64, safe = digest.hex(), b64encode(digest).decode(), urlsafe_b64encode(digest).decode()
    written = [
        *(plain, plain.upper(), f"sha256:{plain}", f"SHA256:{plain}", f"sha-256={plain}", f" {plain}\n"),
        *(base64, base64.rstrip("="), safe, f"sha256:{base64}", f"sha256-{base64}", f"SHA-256={base64}"),
    ]

    assert [plain] * len(written) == [sha256_hex(text) for text in written]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "none",
        HEX[:-1],
        HEX + "0",
        "g" * 64,
        BASE64 + "=",
        BASE64[:-2],
        f"md5:{HEX}",
        f"sha512:{HEX}",
        f"sha256::{HEX}",
        f"sha256 {HEX}",
        "0f343b0931126a20f133d67c2b018a3b",
        "\uff10" * 64,
        "\u017f" + "a" * 42,
        f"{HEX},{HEX}",
        "a" * 1_000_000,
    ],
)
def test_what_is_no_sha256_declares_nothing(text: str | None) -> None:
    """Another algorithm's digest, a cut one, or a word: a file is not rejected for that."""
    assert sha256_hex(text) is None


def test_bits_beyond_the_digest_do_not_count() -> None:
    """43 characters of base64 hold two bits more than a digest has."""
    assert sha256_hex("A" * 42 + "U") == sha256_hex("A" * 42 + "X") == "00" * 31 + "05"
