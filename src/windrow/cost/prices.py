"""List prices by tier with their sources, and the reading of AWS's own price files.

The offer files are those of the AWS Price List Bulk API:
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from windrow.core.errors import PriceError

Basis = Literal["offer-file", "quoted", "recalled"]
"""``offer-file``: read from AWS's price file by `refreshed`. ``quoted``: a public document quotes that file.
``recalled``: the list price as generally known, compared with no file."""


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price ``usd`` of one unit, from ``start`` units a month on."""

    start: float
    usd: float


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list price. ``usage_type`` and ``operation`` identify it in the file of ``offer``; else it stays."""

    unit: str
    tiers: tuple[Tier, ...]
    offer: str
    usage_type: str | None
    operation: str | None = None
    basis: Basis
    as_of: str
    """The day of the figure (YYYY-MM-DD); for ``offer-file`` and ``quoted`` the day that AWS published the file."""
    page: str
    """The page with this price."""

    def charge(self, quantity: float) -> float:
        """Return the price of ``quantity`` units a month, in USD."""
        usd = 0.0
        ends = [tier.start for tier in self.tiers[1:]] + [float("inf")]
        for tier, end in zip(self.tiers, ends, strict=True):
            usd += tier.usd * max(0.0, min(quantity, end) - tier.start)
        return usd


class PriceBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All prices of a region. ``date`` is the day the file was written."""

    region: str
    date: str
    note: str
    prices: dict[str, Price]

    def charge(self, name: str, quantity: float) -> float:
        """Return the price of ``quantity`` units. Raises `PriceError` if the book has no such price."""
        try:
            return self.prices[name].charge(quantity)
        except KeyError as error:
            raise PriceError(f"the price file has no price called {name!r}") from error

    def offers(self) -> list[str]:
        """Return the service codes whose files hold these prices, sorted."""
        return sorted({price.offer for price in self.prices.values() if price.usage_type})


class Refreshed(msgspec.Struct, frozen=True):
    """A book with the prices that were found, and why each of the others was not updated."""

    book: PriceBook
    kept: dict[str, str]


def decode(data: bytes) -> PriceBook:
    """Return the prices in a price file. Raises `PriceError` if it is not one."""
    try:
        book = msgspec.json.decode(data, type=PriceBook)
    except msgspec.DecodeError as error:
        raise PriceError(f"this is not a price file: {error}") from error
    for name, price in book.prices.items():
        starts = [tier.start for tier in price.tiers]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise PriceError(f"the tiers of {name} must start at 0 and rise")
    return book


def refreshed(book: PriceBook, offers: Mapping[str, Mapping[str, Any]], date: str) -> Refreshed:
    """Return the book with every price found in the offer files (by service code); ``date`` is today's."""
    prices: dict[str, Price] = {}
    kept: dict[str, str] = {}
    for name, price in book.prices.items():
        try:
            prices[name] = _from_offer(price, offers.get(price.offer))
        except PriceError as error:
            prices[name] = price
            kept[name] = str(error)
    note = "Read from the AWS Price List; prices whose basis is not offer-file were kept from the file before."
    return Refreshed(PriceBook(region=book.region, date=date, note=note, prices=prices), kept)


def _from_offer(price: Price, offer: Mapping[str, Any] | None) -> Price:
    if price.usage_type is None:
        raise PriceError("no usage type is known for it")
    if offer is None:
        raise PriceError(f"the file of {price.offer} could not be read")
    try:
        found = set(_matches(price, offer))
        published = str(offer["publicationDate"])[:10]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PriceError(f"the file of {price.offer} does not have the known format: {error!r}") from error
    if not found:
        raise PriceError(f"the file of {price.offer} has no {price.usage_type}")
    if len(found) > 1:
        raise PriceError(f"the file of {price.offer} has {len(found)} different prices for {price.usage_type}")
    return msgspec.structs.replace(price, tiers=found.pop(), basis="offer-file", as_of=published)


def _matches(price: Price, offer: Mapping[str, Any]) -> Iterator[tuple[Tier, ...]]:
    """Yield the tiers of every on-demand term of every product that has the price's usage type and operation."""
    for sku, product in offer["products"].items():
        attributes = product["attributes"]
        if attributes.get("usagetype") != price.usage_type:
            continue
        if price.operation is not None and attributes.get("operation") != price.operation:
            continue
        for term in offer["terms"]["OnDemand"].get(sku, {}).values():
            dimensions = [
                (float(d["beginRange"]), float(d["pricePerUnit"]["USD"])) for d in term["priceDimensions"].values()
            ]
            tiers = tuple(Tier(start, usd) for start, usd in sorted(dimensions))
            if tiers and tiers[0].start == 0:
                yield tiers
