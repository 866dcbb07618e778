"""The bill of a month, one line for each item, from volumes and list prices.

A month is 730 hours, as AWS bills it. GB are 2**30 bytes. Free tiers are left out: they belong to the account, which
may use them elsewhere. Each constant says whether it was measured or assumed.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from windrow.core.errors import PriceError
from windrow.core.ledger import MEMBER_BYTES
from windrow.core.sqs import MESSAGES_A_CALL
from windrow.core.windows import DAY_S
from windrow.core.words import counted, measured
from windrow.cost.prices import PriceBook

HOURS = 730.0
DAYS = HOURS / 24
MINUTES = HOURS * 60
GIB = 2.0**30

KEY_ROTATIONS_BILLED = 2
"""Each of a key's first two rotations permanently adds the price of a key: https://aws.amazon.com/kms/pricing/"""

FIRST_POLLERS = 5
"""Batches that a mapping gathers at once when it starts:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""

BATCH_FILES_MOST = 3_000
"""S3's events in the 6 MB of an invocation, at about 2,100 bytes each."""

RECEIVED_AT_1_PER_S = 0.3
"""Assumed messages of one receive for each file that arrives in a second: 3 at 10 files a second, and the limit of 10
from 34 files a second on."""

VPN_ALARM_METRICS = 1.0
"""Metrics in alarms for each VPN connection that the modules create."""

LAMBDA_MB_PER_VCPU = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

DEEP_ARCHIVE_STANDARD_BYTES = 8 * 1024
DEEP_ARCHIVE_INDEX_BYTES = 32 * 1024
"""Added to each object in Deep Archive, the first at the Standard rate, the second at its own:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"""

DEEP_ARCHIVE_LEAST_MONTHS = 180 / DAYS
"""An object that leaves Deep Archive before 180 days is billed for 180 (same page)."""

LIFECYCLE_LAG_DAYS = 0.5
"""Lifecycle rules act at the next midnight UTC, half a day later on average (same page)."""

SWEEP_LAG_DAYS = 0.1
"""The retention sweep keeps files an hour longer than it must, acts on whole hours, and runs every hour."""

SWEEP_LOOKBACK_DAYS = 7
"""Days before the hot ones that a sweep lists, as in `windrow.operations.retention`."""

LISTED_AT_ONCE = 1000
"""Keys of one LIST request: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""

DYNAMODB_ITEM_OVERHEAD_BYTES = 100
"""Billed storage of each item besides its own bytes: https://aws.amazon.com/dynamodb/pricing/on-demand/"""


class Retention(StrEnum):
    """What is kept in Deep Archive: each raw file by a lifecycle transition, a copy of each archive, or nothing."""

    RAW = "raw"
    ARCHIVES = "archives"
    NONE = "none"


DEFAULT_RETENTION = Retention.RAW
"""The Terraform modules' default; the estimate's own default is the cheaper `ARCHIVES`."""


class Egress(StrEnum):
    """The connection to the destination: a site-to-site VPN over the internet, or Direct Connect."""

    VPN = "vpn"
    DIRECT_CONNECT = "direct-connect"


class Compression(msgspec.Struct, frozen=True):
    """A compressor's results for JSON lines: raw bytes divided by compressed ones, and CPU time for a 100 KB file."""

    ratio: float
    cpu_ms_per_100_kb: float


COMPRESSIONS = {
    "6": Compression(5.95, 1.05),
    "5": Compression(5.83, 0.78),
    "3": Compression(5.1, 0.63),
    "1": Compression(4.65, 0.28),
}
"""Measured on 600 files of 100 KB JSON lines on one x86-64 core: libdeflate, and isal for level 1, as in archives.
Other data compress differently: give ``compression_ratio``."""

FILE_CPU_MS = 0.34
"""CPU time of a file besides compression, measured with 10,000 files of 1 KB. With level 6, a file of 100 KB takes 1.39
ms by this and the figure above; whole batches of such files took 1.33 to 1.43."""

RECORD_BYTES = 400
"""Bytes of an archive record without its members, including the names of fields."""

GET_WAIT_MS = 30.0
"""Assumed time to the last byte of a small object from S3 in the region."""

BATCH_WAIT_MS = 250.0
"""Assumed round trips of a batch outside its GETs: probe, claims, PUT, HEAD, record, at 10 to 30 ms each."""

SWEEP_PAGE_S = 0.1
"""Assumed time of one listing of 1,000 keys."""

SWEEP_ARCHIVE_S = 0.1
"""Assumed time of an archive in the sweep, besides the transfer of its bytes: 4 are copied at once, and 8 verified."""

SWEEP_COPIES_AT_ONCE = 4
"""As in `windrow.operations.retention`; each is transferred at the speed of one PUT."""

SWEEP_DELETIONS_PER_S = 3_000
"""Three concurrent calls of 1,000, each assumed to take a second, as in `windrow.clients.s3.raw_files`."""

SWEEP_LONGEST_S = 900
"""Longest run time of the sweep's function, Lambda's own limit; the rest is left to the next run."""

UPLINK_BYTES_PER_S = 25e6
"""Assumed speed of one PUT; all of them together have at most the 156 MB/s of a VPN tunnel."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the bill depends on. The defaults are the baseline of NFR-05 with the modules' defaults."""

    files_per_day: float = 864_000
    file_bytes: float = 100_000
    level: str = "5"
    compression_ratio: float | None = None
    """Replaces the ratio measured for JSON lines."""
    memory_mb: int = 1024
    cpu_factor: float = 1.0
    """CPU time on Lambda divided by that on the machine that was measured; 1 is an assumption."""
    fetch_concurrency: int = 16
    window_s: float = 60
    """The batching window."""
    pollers: float = FIRST_POLLERS
    """Batches gathered at once, each of which fills in a window. ``windrow run`` gathers one."""
    batches_per_minute: float | None = None
    """Replaces the number that follows from pollers and window."""
    archives_per_batch: float | None = None
    """Replaces the number that follows from the window."""
    messages_per_receive: float | None = None
    """Replaces the number that follows from the rate, see `received`."""
    provisioned_pollers: int = 0
    """Kept ready for the mapping by the hour, at least; 0 is without provisioned mode. Those that a burst adds are not
    counted."""
    retention: Retention = Retention.ARCHIVES
    hot_days: float = 7
    old_version_days: float = 7
    """Days that an expired file stays readable as an old version. Only with retention ``none``: a transition leaves no
    old version, and the sweep deletes versions."""
    archive_months: float = 12
    """Months of data in Deep Archive: storage is billed as in the last of them."""
    ledger_ttl_days: float = 30
    ledger_item_bytes: float = 280
    """Names and values of a claim, for keys of 60 characters: id 119, archive key 60, owner 36, the rest 65."""
    egress: Egress = Egress.VPN
    direct_connect_ports: float = 0
    """Ports billed to this deployment; 0 if there is a connection already."""
    servers: bool = False
    """Without Lambda, as ``infra/modules/servers``: `windrow run` beside the destination fetches the raw files."""
    transit_gateway: bool = False
    """The VPC is attached to an existing transit gateway, whose VPN or Direct Connect is billed elsewhere."""
    vpn_connections: int | None = None
    """Connections billed to this deployment, with their attachments if there is a transit gateway; None is one without
    a gateway, and 0 with one."""
    zones: int = 2
    interface_endpoints: int = 3
    """Secrets Manager, SQS, Lambda; S3 and DynamoDB have gateway endpoints, which are free."""
    kms_keys: float = 2
    """One for the landed files, one for everything else."""
    key_rotations: float = 1
    """How often each key was rotated, which happens once a year."""
    alarm_metrics: float = 49
    """Metrics in the alarms of the observability module; a test counts them there. An alarm is billed for each metric
    in its expression: https://aws.amazon.com/cloudwatch/pricing/"""
    composite_alarms: float = 2
    """Billed separately, whatever they contain."""
    metrics: float = 31
    """Metrics that the code publishes, and two more for the version in service; a test counts them. A deployment adds
    the two of the other version for the hours in which both run, which is less than a cent."""
    log_bytes_per_batch: float = 8_000

    @property
    def files(self) -> float:
        """Files a month."""
        return self.files_per_day * DAYS

    @property
    def raw_gb(self) -> float:
        """GB that arrive in a month."""
        return self.files * self.file_bytes / GIB

    @property
    def gathered_s(self) -> float:
        """How long a batch is gathered: the window, less if 6 MB of messages come before its end."""
        if self.batches_per_minute or not self.files:
            return self.window_s
        return min(self.window_s, BATCH_FILES_MOST * self.pollers / (self.files_per_day / DAY_S))

    @property
    def batches(self) -> float:
        """Invocations a month; never more than files."""
        per_minute = self.batches_per_minute or self.pollers * 60 / self.gathered_s
        return min(per_minute * MINUTES, self.files)

    @property
    def archives(self) -> float:
        """Archives a month; never more than files. An archive holds files of one minute, and a batch may span two."""
        per_batch = self.archives_per_batch or 1 + self.gathered_s / 60
        return min(self.batches * per_batch, self.files)

    @property
    def environments(self) -> float:
        """Processes that handle batches: one for each batch that is gathered at once."""
        return self.batches_per_minute * self.window_s / 60 if self.batches_per_minute else self.pollers

    @property
    def received(self) -> float:
        """Average number of messages of a receive."""
        assumed = RECEIVED_AT_1_PER_S * self.files_per_day / DAY_S
        return self.messages_per_receive or min(MESSAGES_A_CALL, max(1.0, assumed))

    @property
    def own_vpns(self) -> int:
        """VPN connections that the modules create: none with a transit gateway, or for servers."""
        if self.egress is not Egress.VPN or self.transit_gateway or self.servers:
            return 0
        return 1 if self.vpn_connections is None else self.vpn_connections

    @property
    def compression(self) -> Compression:
        """The compressor's results, with the given ratio. Raises `PriceError` for a level that was not measured."""
        try:
            measured = COMPRESSIONS[self.level]
        except KeyError as error:
            raise PriceError(f"level {self.level} was not measured; there are {', '.join(COMPRESSIONS)}") from error
        return Compression(self.compression_ratio or measured.ratio, measured.cpu_ms_per_100_kb)

    @property
    def archive_gb(self) -> float:
        """GB that are delivered in a month."""
        return self.raw_gb / self.compression.ratio

    @property
    def record_units(self) -> int:
        """Write units of an archive record, which has a digest of each member: one for each KB or part of it."""
        members = self.files / self.archives if self.archives else 0.0
        return math.ceil((RECORD_BYTES + members * MEMBER_BYTES) / 1024)

    @property
    def listed(self) -> float:
        """Versions in the landing bucket, each of which is in the daily inventory."""
        if self.retention is Retention.RAW:
            return self.files * max(self.archive_months, DEEP_ARCHIVE_LEAST_MONTHS)
        days = self.hot_days + SWEEP_LAG_DAYS
        if self.retention is Retention.NONE:  # an old version and its delete marker
            days = self.hot_days + LIFECYCLE_LAG_DAYS + 2 * self.old_version_days
        return self.files_per_day * days

    @property
    def sweep_pages(self) -> float:
        """Pages that one run of the retention sweep lists in each of two buckets; at least one a day."""
        days = self.hot_days + SWEEP_LOOKBACK_DAYS
        return days * math.ceil(self.archives / DAYS / LISTED_AT_ONCE)

    @property
    def sweep_s(self) -> float:
        """Time of one run of the retention sweep: listings, an hour's archives copied and verified, its files deleted.

        If it is more than `SWEEP_LONGEST_S`, the function can't keep up.
        """
        listing_s = 2 * self.sweep_pages * SWEEP_PAGE_S
        copying_s = self.archive_gb / HOURS * GIB / UPLINK_BYTES_PER_S / SWEEP_COPIES_AT_ONCE
        deleting_s = self.files / HOURS / SWEEP_DELETIONS_PER_S
        return listing_s + copying_s + self.archives / HOURS * SWEEP_ARCHIVE_S + deleting_s

    @property
    def batch_s(self) -> float:
        """Run time of a batch: round trips, then the slower of CPU and GETs (which overlap), then the upload."""
        files = self.files / self.batches if self.batches else 0.0
        cpu_ms = (FILE_CPU_MS + self.compression.cpu_ms_per_100_kb * self.file_bytes / 100_000) * self.cpu_factor
        share = min(1.0, self.memory_mb / LAMBDA_MB_PER_VCPU)
        work_ms = files * max(cpu_ms / share, GET_WAIT_MS / self.fetch_concurrency)
        upload_s = files * self.file_bytes / self.compression.ratio / UPLINK_BYTES_PER_S
        return (BATCH_WAIT_MS + work_ms) / 1000 + upload_s


class BillItem(msgspec.Struct, frozen=True):
    """One item of the bill, with its quantity."""

    group: str
    item: str
    quantity: float
    unit: str
    usd: float


class Estimate(msgspec.Struct, frozen=True):
    """The bill of a month, in USD."""

    scenario: Scenario
    lines: tuple[BillItem, ...]
    groups: dict[str, float]
    total_usd: float
    batch_s: float
    growth_usd: float
    """How much each further month of data adds to all later monthly bills, as long as nothing expires."""


def estimate(scenario: Scenario, book: PriceBook) -> Estimate:
    """Return the month's bill. Raises `PriceError` if the book lacks a price or the level was not measured."""
    bill = _Bill(book)
    _landing(scenario, bill)
    _retention(scenario, bill)
    _queue_and_ledger(scenario, bill)
    if scenario.servers:
        _servers(scenario, bill)
    else:
        _functions(scenario, bill)
        _network(scenario, bill)
        _monitoring(scenario, bill)
    _keys_and_secret(scenario, bill)
    groups: dict[str, float] = {}
    for line in bill.lines:
        groups[line.group] = groups.get(line.group, 0.0) + line.usd
    return Estimate(
        scenario, tuple(bill.lines), groups, sum(groups.values()), scenario.batch_s, _growth_usd(scenario, book)
    )


def _growth_usd(scenario: Scenario, book: PriceBook) -> float:
    """Return the price of one more month of data in Deep Archive, and in the inventories that list it."""
    kept = []
    for more in (0, 1):
        bill = _Bill(book)
        months = max(scenario.archive_months, DEEP_ARCHIVE_LEAST_MONTHS) + more
        later = msgspec.structs.replace(scenario, archive_months=months)
        _landing(later, bill)
        _retention(later, bill)
        kept.append(sum(line.usd for line in bill.lines))
    return kept[1] - kept[0]


class _Bill:
    def __init__(self, book: PriceBook) -> None:
        self._book = book
        self.lines: list[BillItem] = []

    def add(self, group: str, item: str, price: str, quantity: float) -> None:
        usd = self._book.charge(price, quantity)
        self.lines.append(BillItem(group, item, quantity, self._book.prices[price].unit, usd))


def _landing(s: Scenario, bill: _Bill) -> None:
    lag_days = SWEEP_LAG_DAYS if s.retention is Retention.ARCHIVES else LIFECYCLE_LAG_DAYS
    hot_gb = s.files_per_day * (s.hot_days + lag_days) * s.file_bytes / GIB
    bill.add("S3", "uploads (PUT)", "s3-put", s.files)
    bill.add("S3", "reads by the aggregator (GET)", "s3-get", s.files)
    bill.add("S3", f"raw files kept hot for {measured(s.hot_days, 'day')}", "s3-standard-gb-month", hot_gb)
    if not s.servers:
        bill.add("S3", "inventories, each day of all versions", "s3-inventory-object", DAYS * s.listed)
    if s.retention is Retention.NONE:
        old_gb = s.files_per_day * (s.old_version_days + LIFECYCLE_LAG_DAYS) * s.file_bytes / GIB
        bill.add(
            "S3", f"and {measured(s.old_version_days, 'day')} more as old versions", "s3-standard-gb-month", old_gb
        )


def _retention(s: Scenario, bill: _Bill) -> None:
    if s.retention is Retention.NONE:
        return
    raw = s.retention is Retention.RAW
    objects, size_gb = (s.files, s.raw_gb) if raw else (s.archives, s.archive_gb)
    months = max(s.archive_months, DEEP_ARCHIVE_LEAST_MONTHS)
    what = "raw files" if raw else "copies of archives"
    if raw:
        bill.add("Retention", "transitions of raw files to Deep Archive", "deep-archive-transition", objects)
    else:
        bill.add("Retention", "copies of archives put into Deep Archive", "deep-archive-put", objects)
        bill.add("Retention", "sweep, listings of copies (LIST)", "s3-put", HOURS * s.sweep_pages)
        bill.add("Retention", "sweep, verifications of copies (HEAD)", "s3-get", objects)
    kept = objects * months
    held = measured(float(f"{months:.3g}"), "month")
    bill.add("Retention", f"{what}, {held} of them", "deep-archive-gb-month", size_gb * months)
    bill.add("Retention", "32 KB index of each", "deep-archive-gb-month", kept * DEEP_ARCHIVE_INDEX_BYTES / GIB)
    bill.add("Retention", "8 KB name of each", "s3-standard-gb-month", kept * DEEP_ARCHIVE_STANDARD_BYTES / GIB)


def _queue_and_ledger(s: Scenario, bill: _Bill) -> None:
    bill.add("SQS", "messages sent by S3", "sqs-request", s.files)
    bill.add(
        "SQS",
        f"receives, {measured(s.received, 'message')} each",
        "sqs-request",
        s.files / s.received,
    )
    bill.add("SQS", "deletes, 10 messages each", "sqs-request", s.files / 10)
    stored = s.files_per_day * s.ledger_ttl_days * (s.ledger_item_bytes + DYNAMODB_ITEM_OVERHEAD_BYTES) / GIB
    bill.add("DynamoDB", "claims, one write a file", "dynamodb-write", s.files)
    bill.add("DynamoDB", "archive records", "dynamodb-write", s.archives * s.record_units)
    bill.add("DynamoDB", f"items of {measured(s.ledger_ttl_days, 'day')}", "dynamodb-gb-month", stored)
    bill.add("DynamoDB", "point-in-time recovery", "dynamodb-recovery-gb-month", stored)


SWEEP_GB = 0.5
"""Memory of the retention sweep."""

AUDIT_GB = 1769 / 1024
"""Memory of the daily audit: one vCPU."""

AUDIT_S_PER_FILE = 64e-6
"""CPU time of the audit for each file, measured with a million files (``docs/performance.md``)."""

SENTINEL_GB_SECONDS = 0.25 * 0.5
"""One run a minute: 256 MB for about half a second, assumed."""


def _functions(s: Scenario, bill: _Bill) -> None:
    gb_seconds = s.batches * s.batch_s * s.memory_mb / 1024
    bill.add("Lambda", f"aggregator, {s.memory_mb:,} MB for {s.batch_s:.2f} s a batch", "lambda-gb-second", gb_seconds)
    bill.add("Lambda", "aggregator, invocations", "lambda-request", s.batches)
    if s.provisioned_pollers:
        pollers = counted(s.provisioned_pollers, "provisioned poller")
        bill.add("Lambda", pollers, "event-poller-hour", s.provisioned_pollers * HOURS)
    bill.add("Lambda", "sentinel, one run a minute", "lambda-gb-second", MINUTES * SENTINEL_GB_SECONDS)
    bill.add("Lambda", "sentinel, invocations", "lambda-request", MINUTES)
    bill.add("Lambda", "daily audit", "lambda-gb-second", s.files * AUDIT_S_PER_FILE * AUDIT_GB)
    if s.retention is Retention.ARCHIVES:
        sweep_s = min(s.sweep_s, SWEEP_LONGEST_S)
        bill.add("Lambda", f"retention sweep, {sweep_s:.0f} s an hour", "lambda-gb-second", HOURS * sweep_s * SWEEP_GB)


def _network(s: Scenario, bill: _Bill) -> None:
    connections = 0
    if s.egress is Egress.VPN:
        connections = int(not s.transit_gateway) if s.vpn_connections is None else s.vpn_connections
        bill.add("Transfer", "archives to the destination, at internet rates", "internet-egress-gb", s.archive_gb)
        if connections:
            bill.add("Network", "site-to-site VPN, each connection", "vpn-connection-hour", connections * HOURS)
    else:
        bill.add("Transfer", "archives to the destination, Direct Connect", "direct-connect-egress-gb", s.archive_gb)
        bill.add("Network", "Direct Connect ports", "direct-connect-port-hour", s.direct_connect_ports * HOURS)
    if s.transit_gateway:
        bill.add(
            "Network", "attachment to the transit gateway", "transit-gateway-attachment-hour", HOURS * (1 + connections)
        )
        bill.add("Network", "archives through the transit gateway", "transit-gateway-gb", s.archive_gb)
    hours = s.interface_endpoints * s.zones * HOURS
    bill.add(
        "Network",
        f"{counted(s.interface_endpoints, 'interface endpoint')} in {counted(s.zones, 'zone')}",
        "interface-endpoint-hour",
        hours,
    )


KMS_REQUESTS_PER_BATCH = 3.0
"""Data keys of bucket, queue and table, which the services cache; assumed."""

SECRET_READS_PER_HOUR = 12.0
"""One every 300 s in each warm execution environment."""


SWEEP_METRICS = 5.0
SWEEP_ALARM_METRICS = 4.0


SERVERS_ALARM_METRICS = 3.0
"""Those of `infra/modules/servers`; the workers' own metrics are in Prometheus."""


def _servers(s: Scenario, bill: _Bill) -> None:
    if s.egress is Egress.VPN:
        bill.add("Transfer", "raw files to the servers, at internet rates", "internet-egress-gb", s.raw_gb)
    else:
        bill.add("Transfer", "raw files to the servers, Direct Connect", "direct-connect-egress-gb", s.raw_gb)
        bill.add("Network", "Direct Connect ports", "direct-connect-port-hour", s.direct_connect_ports * HOURS)
    bill.add("Operations", "metrics in alarms", "alarm-metric-month", SERVERS_ALARM_METRICS)


def _monitoring(s: Scenario, bill: _Bill) -> None:
    log_gb = s.batches * s.log_bytes_per_batch / GIB
    bill.add("Operations", "log, ingested", "log-ingest-gb", log_gb)
    bill.add("Operations", "log, a month of it kept", "log-gb-month", log_gb)
    bill.add("Operations", "custom metrics", "metric-month", s.metrics)
    in_alarms = s.alarm_metrics + s.own_vpns * VPN_ALARM_METRICS
    bill.add("Operations", "metrics in alarms", "alarm-metric-month", in_alarms)
    bill.add("Operations", "composite alarms", "composite-alarm-month", s.composite_alarms)
    bill.add("Operations", "dashboard", "dashboard-month", 1)
    bill.add("Operations", "schedule of the sentinel", "scheduled-invocation", MINUTES)
    if s.retention is Retention.ARCHIVES:
        bill.add("Operations", "metrics of the retention sweep", "metric-month", SWEEP_METRICS)
        bill.add("Operations", "alarms of the retention sweep", "alarm-metric-month", SWEEP_ALARM_METRICS)


def _keys_and_secret(s: Scenario, bill: _Bill) -> None:
    rotated = min(s.key_rotations, KEY_ROTATIONS_BILLED)
    bill.add(
        "Operations",
        f"KMS keys, {measured(s.key_rotations, 'rotation')} each",
        "kms-key-month",
        s.kms_keys * (1 + rotated),
    )
    bill.add("Operations", "KMS requests", "kms-request", s.batches * KMS_REQUESTS_PER_BATCH)
    bill.add("Operations", "destination secret", "secret-month", 1)
    bill.add("Operations", "secret reads", "secret-request", s.environments * SECRET_READS_PER_HOUR * HOURS)
