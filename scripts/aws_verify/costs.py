"""What a run costs: what the stack's parts cost an hour, at the list prices of `windrow cost`, and the requests."""

from __future__ import annotations

import msgspec

from windrow.cost.model import HOURS
from windrow.cost.prices import PriceBook

RUN_H = 2.0
"""Assumed: a VPN connection takes minutes to make, the suites half an hour, and network interfaces as long to go."""

HELD = {
    "vpn-connection-hour": ("VPN connection", HOURS),
    "interface-endpoint-hour": ("3 interface endpoints in 2 zones", 6 * HOURS),
    "secret-month": ("secrets", 2.0),
    "alarm-metric-month": ("metrics in alarms", 55.0),
    "composite-alarm-month": ("composite alarms", 2.0),
    "dashboard-month": ("dashboard", 1.0),
    "kms-key-month": ("KMS keys, which cost nothing while they wait for their deletion", 2.0),
}
"""What is billed by the hour while it is there: the price's name, and how many of its units a month has."""

USED = {
    "s3-put": ("S3 requests, mostly buckets and objects of the suites", 20_000.0),
    "deep-archive-put": ("copies in Deep Archive", 500.0),
    "dynamodb-write": ("DynamoDB writes", 20_000.0),
    "sqs-request": ("SQS requests", 20_000.0),
    "kms-request": ("KMS requests", 20_000.0),
    "secret-request": ("reads of secrets", 10_000.0),
    "lambda-gb-second": ("Lambda, GB-seconds", 2_000.0),
    "metric-month": ("custom metrics, each billed by the hour", 40.0 * RUN_H / HOURS),
}
"""What a run asks for, rounded up; assumed, since no run on AWS has been counted yet."""


class Cost(msgspec.Struct, frozen=True):
    """USD: of what a run is assumed to take, item by item, and of each hour that the stack stays."""

    items: dict[str, float]
    hour_usd: float

    @property
    def usd(self) -> float:
        """The whole run."""
        return sum(self.items.values())


def cost(book: PriceBook) -> Cost:
    """Return what a run costs. Raises `PriceError` if the book lacks a price."""
    hourly = {what: book.charge(price, units) / HOURS for price, (what, units) in HELD.items()}
    items = {f"{what}, {RUN_H:g} h": usd * RUN_H for what, usd in hourly.items()}
    items |= {what: book.charge(price, units) for price, (what, units) in USED.items()}
    return Cost(items, sum(hourly.values()))
