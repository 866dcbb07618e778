from __future__ import annotations

from typing import Any

import msgspec
import pytest

from windrow.core.errors import PriceError
from windrow.cost.prices import Price, PriceBook, Tier, decode, refreshed


def price(usage_type: str | None = "EUW2-Requests-Tier1", operation: str | None = None) -> Price:
    """Return a price that an offer file may replace."""
    return Price(
        unit="request",
        tiers=(Tier(0, 0.5),),
        offer="AmazonS3",
        usage_type=usage_type,
        operation=operation,
        basis="recalled",
        as_of="2026-01-01",
        page="https://aws.amazon.com/s3/pricing/",
    )


def book(**prices: Price) -> PriceBook:
    """Return a book of these prices."""
    return PriceBook(region="eu-west-2", date="2026-01-01", note="", prices=prices)


def offer(*products: tuple[str, str, str, list[tuple[str, str]]]) -> dict[str, Any]:
    """Return an offer file of (sku, usage type, operation, [(begin, usd)]) in the form that AWS documents."""
    return {
        "formatVersion": "v1.0",
        "offerCode": "AmazonS3",
        "publicationDate": "2026-11-20T19:25:13Z",
        "products": {
            sku: {"sku": sku, "attributes": {"usagetype": usage_type, "operation": operation}}
            for sku, usage_type, operation, _ in products
        },
        "terms": {
            "OnDemand": {
                sku: {
                    f"{sku}.JRTCKXETXF": {
                        "priceDimensions": {
                            f"{sku}.JRTCKXETXF.{begin}": {"beginRange": begin, "pricePerUnit": {"USD": usd}}
                            for begin, usd in tiers
                        }
                    }
                }
                for sku, _, _, tiers in products
            }
        },
    }


PUT = ("SKU1", "EUW2-Requests-Tier1", "", [("0", "0.0000053000")])


def test_price_is_read_with_its_day() -> None:
    """A matching product replaces the price, and the day is that of AWS's file."""
    result = refreshed(book(put=price()), {"AmazonS3": offer(PUT)}, "2026-11-24")
    assert {} == result.kept
    assert "2026-11-24" == result.book.date
    read = result.book.prices["put"]
    assert ((Tier(0, 0.0000053),), "offer-file", "2026-11-20") == (read.tiers, read.basis, read.as_of)


def test_tiers_are_read_in_order() -> None:
    """Tiers come in any order in AWS's file and rise in ours."""
    tiered = ("SKU1", "EUW2-Requests-Tier1", "", [("51200", "0.023"), ("0", "0.024"), ("512000", "0.022")])
    result = refreshed(book(put=price()), {"AmazonS3": offer(tiered)}, "2026-11-24")
    assert (Tier(0, 0.024), Tier(51200, 0.023), Tier(512000, 0.022)) == result.book.prices["put"].tiers


def test_operation_tells_products_apart() -> None:
    """Two products of one usage type are told apart by operation where the price names one."""
    other = ("SKU2", "EUW2-Requests-Tier1", "S3-GDATransition", [("0", "0.00006")])
    result = refreshed(book(put=price(operation="S3-GDATransition")), {"AmazonS3": offer(PUT, other)}, "2026-11-24")
    assert (Tier(0, 0.00006),) == result.book.prices["put"].tiers


@pytest.mark.parametrize(
    ("wanted", "offers", "why"),
    [
        (price(usage_type=None), {"AmazonS3": offer(PUT)}, "no usage type is known for it"),
        (price(), {}, "the file of AmazonS3 could not be read"),
        (price("EUW2-Other"), {"AmazonS3": offer(PUT)}, "the file of AmazonS3 has no EUW2-Other"),
        (
            price(),
            {"AmazonS3": offer(PUT, ("SKU2", "EUW2-Requests-Tier1", "", [("0", "9")]))},
            "the file of AmazonS3 has 2 different prices for EUW2-Requests-Tier1",
        ),
        (price(), {"AmazonS3": {"products": {"SKU1": {}}}}, "the file of AmazonS3 does not have the known format: "),
    ],
)
def test_price_not_found_is_kept_with_the_reason(wanted: Price, offers: dict[str, Any], why: str) -> None:
    """What a file does not say for certain stays as it was, and the reason is reported."""
    result = refreshed(book(put=wanted), offers, "2026-11-24")
    assert wanted == result.book.prices["put"]
    assert result.kept["put"].startswith(why)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"region": "x"}', b'{"region":"x","date":"","note":"","prices":{},"z":1}']
)
def test_other_files_are_refused(data: bytes) -> None:
    """A file that is no price file is refused as such."""
    with pytest.raises(PriceError, match="this is not a price file"):
        decode(data)


def test_tiers_must_start_at_zero() -> None:
    """A price whose first units would be free by mistake is refused."""
    data = b"""{"region":"x","date":"","note":"","prices":{"put":{"unit":"request","tiers":[{"start":5,"usd":1}],
        "offer":"AmazonS3","usage_type":null,"basis":"recalled","as_of":"2026-01-01","page":""}}}"""
    with pytest.raises(PriceError, match="the tiers of put must start at 0"):
        decode(data)


def test_tiers_are_charged_each_at_its_rate() -> None:
    """Units below a tier's start cost the rate before it."""
    tiered = msgspec.structs.replace(price(), tiers=(Tier(0, 3.0), Tier(10, 2.0), Tier(20, 1.0)))

    assert [0, 30, 32, 50, 55] == [tiered.charge(quantity) for quantity in (0, 10, 11, 20, 25)]
    assert 0.5 * 7 == book(it=price()).charge("it", 7)
