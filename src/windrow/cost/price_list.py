"""Price files: the one that ships with Windrow, a user's own, and AWS's offer files, which update them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec

from windrow.core.errors import PriceError
from windrow.cost.prices import PriceBook, decode

OFFER_URL = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/{offer}/current/{region}/index.json"
"""Public, without credentials:
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api-fetching-price-list-files-manually.html"""

TIMEOUT_S = 60

Fetch = Callable[[str], bytes]
"""Downloads a URL. Raises `OSError`."""


def load(path: Path | None = None) -> PriceBook:
    """Return the price file at ``path``, or the newest that ships with Windrow. Raises `PriceError`."""
    try:
        return decode(path.read_bytes() if path else _shipped())
    except OSError as error:
        raise PriceError(f"the price file can't be read: {error}") from error


def save(book: PriceBook, path: Path) -> None:
    """Write a price file that `load` reads. Raises `PriceError`."""
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(book), indent=1) + b"\n")
    except OSError as error:
        raise PriceError(f"the price file can't be written: {error}") from error


def download(url: str) -> bytes:
    """Return the body behind an https URL. Raises `OSError`."""
    if not url.startswith("https://"):
        raise PriceError(f"prices come over https only, not from {url}")
    with urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310 - checked above
        body: bytes = response.read()
    return body


def offer_files(
    offers: Iterable[str], region: str, fetch: Fetch = download
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Download the offer files of services; return those read, and why each of the others was not."""
    read: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for offer in offers:
        try:
            read[offer] = json.loads(fetch(OFFER_URL.format(offer=offer, region=region)))
        except (OSError, ValueError) as error:
            failed[offer] = str(error)
    return read, failed


def _shipped() -> bytes:
    folder = resources.files("windrow.cost")
    names = sorted(
        entry.name for entry in folder.iterdir() if entry.name.startswith("prices-") and entry.name.endswith(".json")
    )
    if not names:
        raise PriceError("no price file ships with this installation; give one with --prices")
    return (folder / names[-1]).read_bytes()
