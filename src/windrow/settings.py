"""Settings from the environment (``WINDROW_*``), validated once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

import msgspec

from windrow.core.endpoints import is_aws, is_label, is_loopback, is_same, parsed
from windrow.core.errors import SettingsError
from windrow.core.printable import printable

PREFIX = "WINDROW_"
MIB = 1024 * 1024
MAX_PREFIX_BYTES = 512
"""Half of S3's limit for a key (1,024 bytes); the rest is for the archive's path and name."""


class Emf(StrEnum):
    """When metrics are printed for CloudWatch in its embedded metric format (EMF); ``auto``: only on Lambda."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class LockMode(StrEnum):
    """How archives are locked at the destination; https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html."""

    OFF = ""
    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings; the environment variable is ``WINDROW_`` and the field's name in capitals.

    A setting that an entry point does not need may be empty there: it passes those that it needs to `load`.
    """

    stack: str = ""
    """A dimension of all metrics, which distinguishes stacks in one account; none if empty."""
    emf: Emf = Emf.AUTO
    """Whether metrics are printed for CloudWatch."""
    landing_buckets: frozenset[str] = frozenset()
    """Buckets whose events are accepted; a comma-separated list."""
    queue_url: str = ""
    dlq_url: str = ""
    ledger_table: str = ""
    ledger_ttl_days: int = 30
    """How long the ledger remembers a delivery; a duplicate event later than this is delivered again."""
    destination_endpoint: str = ""
    """``https://host[:port]``; ``http://`` on loopback addresses only."""
    destination_bucket: str = ""
    destination_prefix: str = ""
    destination_region: str = "us-east-1"
    destination_secret_id: str = ""
    """Secrets Manager id of ``{"access_key", "secret_key", "ca_pem"?}``, or ``file:PATH`` or ``env:NAME`` of it."""
    compression_level: int = 5
    """1 (fast, isal's) to 12 (small, libdeflate's)."""
    frame_bytes: int = MIB
    """Raw bytes that are compressed together as one frame."""
    max_archive_bytes: int = 192 * MIB
    """Most raw bytes of one archive; a larger object is streamed into its own archive. Files that do not compress take
    this much memory until the archive is stored: with the default, a process stays under 400 MB."""
    max_object_bytes: int = 5120 * MIB
    """An object over this is dead-lettered as ``too-large``."""
    max_bytes_per_s: int = 0
    """How fast each process sends to the destination, on average; 0 for no limit."""
    object_lock_mode: LockMode = LockMode.OFF
    object_lock_days: int = 0
    fetch_concurrency: int = 16
    event_source_mapping_id: str = ""
    inventory: str = ""
    """Where S3 delivers inventories of the landing buckets, ``s3://bucket/prefix``; without, the daily audit lists."""
    copies_bucket: str = ""
    """Bucket for copies of archives, in retention mode ``archives``."""
    retention_hot_days: int = 7
    """Days that raw files stay once they are delivered; `windrow retain` deletes older ones."""


SENDING_S = 30.0
"""The largest archive must be sent within this time, a quarter of a run, at `Settings.max_bytes_per_s`."""
LEAST_FOR_PARTS = 4 * MIB
"""Lowest `Settings.max_bytes_per_s` for large objects: below it, the 80 MiB of parts under way would take too long."""


def sending_s(settings: Settings) -> float:
    """Return how many seconds the largest archive takes to send at the configured rate; 0 without one."""
    return settings.max_archive_bytes / settings.max_bytes_per_s if settings.max_bytes_per_s else 0.0


def uses_parts(settings: Settings) -> bool:
    """Return whether an object may be so large that it is delivered in parts."""
    return settings.max_object_bytes > settings.max_archive_bytes


AGGREGATE = (
    "landing_buckets",
    "queue_url",
    "dlq_url",
    "ledger_table",
    "destination_endpoint",
    "destination_bucket",
    "destination_secret_id",
)
"""The settings that the aggregator cannot work without."""

AUDIT = tuple(name for name in AGGREGATE if name not in {"queue_url", "dlq_url"})
"""Those that an audit cannot work without: it needs no queue."""

QUEUE_RETENTION_DAYS = 5
"""Shortest retention of the queue: an outage of 4 days (NFR-04), and the drain after it."""
DLQ_RETENTION_DAYS = 14
"""Retention of the dead-letter queue: the limit of SQS."""

_BOUNDS = {
    "ledger_ttl_days": (QUEUE_RETENTION_DAYS + DLQ_RETENTION_DAYS + QUEUE_RETENTION_DAYS + 1, 3650),
    "compression_level": (1, 12),
    "frame_bytes": (64 * 1024, 64 * MIB),
    "max_archive_bytes": (MIB, 4096 * MIB),
    "max_object_bytes": (1, 150 * 1024**3),
    "max_bytes_per_s": (0, 10 * 1024**3),
    "object_lock_days": (0, 36500),
    "fetch_concurrency": (1, 256),
    "retention_hot_days": (1, 365),
}
"""Lowest and highest value.

The ledger must remember a file longer than any message about it can exist: in the queue, then in the dead-letter queue,
then, redriven, in the queue again. The largest object must fit into the 10,000 parts of an upload even if it does not
compress (`windrow.pipeline.large.PART_BYTES`).
"""

_BUCKET = re.compile(r"(?!xn--|sthree-|(?:[0-9]+\.){3}[0-9]+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
_BUCKET_RULE = "3 to 63 lower-case letters, digits, '.' and '-'"


def load(environ: Mapping[str, str], needs: Collection[str] = AGGREGATE) -> Settings:
    """Read and check the settings.

    Raises:
        SettingsError: it lists every unknown, missing and wrong setting.
    """
    values, faults = _parsed(environ)
    faults += _contradictions(msgspec.convert(values, Settings), environ)
    for name in needs:
        variable = PREFIX + name.upper()
        if name not in values and not any(fault.startswith(variable + " ") for fault in faults):
            faults.append(f"{variable} is needed and not set")
    if faults:
        raise SettingsError("; ".join(faults))
    return msgspec.convert(values, Settings)


def _parsed(environ: Mapping[str, str]) -> tuple[dict[str, object], list[str]]:
    """Return the settings that have a value, by field name, and what is wrong with the others."""
    faults: list[str] = []
    values: dict[str, object] = {}
    fields = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    for variable in sorted(v for v in environ if v.startswith(PREFIX)):
        name = fields.get(variable)
        if name is None:
            close = difflib.get_close_matches(variable, fields, n=1)
            faults.append(f"{variable} is an unknown setting" + (f"; did you mean {close[0]}?" if close else ""))
            continue
        text = environ[variable].strip()
        if not text:
            continue
        try:
            values[name] = _PARSERS.get(name, _text)(name, _text(name, text))
        except ValueError as error:
            faults.append(f"{variable} {error}")
    return values, faults


def _contradictions(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Return which settings contradict each other."""
    landing, queue, faults = f"{PREFIX}LANDING_BUCKETS", f"{PREFIX}QUEUE_URL", []
    if settings.copies_bucket in settings.landing_buckets:
        faults.append(f"{PREFIX}COPIES_BUCKET must not be one of {landing}: copies would come in as uploads")
    if settings.queue_url and settings.queue_url == settings.dlq_url:
        faults.append(f"{PREFIX}DLQ_URL must be another queue than {queue}: rejected messages would come back")
    faults += _too_slow(settings)
    if bool(settings.object_lock_days) != bool(settings.object_lock_mode):
        faults.append(f"{PREFIX}OBJECT_LOCK_MODE and {PREFIX}OBJECT_LOCK_DAYS must be set together")
    return faults + misplaced(
        settings, lambda: environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
    )


def _too_slow(settings: Settings) -> list[str]:
    """Return what can't be sent in time at the configured rate."""
    rate, needed = settings.max_bytes_per_s, -(-settings.max_archive_bytes // int(SENDING_S))
    if not rate:
        return []
    named = f"{PREFIX}MAX_BYTES_PER_S must be at least"
    if rate < needed:
        return [f"{named} {needed}, so that {PREFIX}MAX_ARCHIVE_BYTES are sent in {SENDING_S:.0f} s; or lower that"]
    if uses_parts(settings) and rate < LEAST_FOR_PARTS:
        lower = f"lower {PREFIX}MAX_OBJECT_BYTES to what an archive holds"
        return [f"{named} {LEAST_FOR_PARTS} for objects in parts; or {lower}"]
    return []


def misplaced(settings: Settings, s3_endpoint: Callable[[], str]) -> list[str]:
    """Return what is wrong with the destination's bucket if landing buckets are at ``s3_endpoint``, "" for AWS's.

    The endpoint may come from the environment or from a profile, which only AWS's library can read. It is read only if
    the destination has the name of another bucket.
    """
    bucket, faults = settings.destination_bucket, []
    named = f"{PREFIX}DESTINATION_BUCKET, whose endpoint is that of AWS's S3 here,"
    if bucket in settings.landing_buckets:
        faults.append(f"{named} must not be one of {PREFIX}LANDING_BUCKETS: archives would come in as uploads")
    if bucket and bucket == settings.copies_bucket:
        faults.append(f"{named} must not be {PREFIX}COPIES_BUCKET: it would hold no second copy")
    return faults if faults and _leads_to(settings.destination_endpoint, s3_endpoint()) else []


def _leads_to(endpoint: str, s3_endpoint: str) -> bool:
    """Return whether an endpoint leads to the same S3 as another; "" is AWS's own, whose endpoints are all one S3."""
    if is_aws(endpoint) and (not s3_endpoint or is_aws(s3_endpoint)):
        return True
    return is_same(endpoint, s3_endpoint)


def _text(_name: str, text: str) -> str:
    if printable(text) != text:
        raise ValueError(f"must not hold an invisible character: {printable(text[:80])}")
    return text


def _whole_number(name: str, text: str) -> int:
    low, high = _BOUNDS[name]
    if not re.fullmatch("[+-]?[0-9]{1,20}", text):
        raise ValueError(f"must be a whole number from {low} to {high}, not {text[:40]!r}")
    if not low <= int(text) <= high:
        raise ValueError(f"must be from {low} to {high}, not {int(text)}")
    return int(text)


def _buckets(_name: str, text: str) -> frozenset[str]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    for name in names or [text]:
        if not _BUCKET.fullmatch(name):
            raise ValueError(f"must be a comma-separated list of bucket names ({_BUCKET_RULE}); not {name[:80]!r}")
    return frozenset(names)


def _bucket(_name: str, text: str) -> str:
    if not _BUCKET.fullmatch(text):
        raise ValueError(f"must be the name of one bucket ({_BUCKET_RULE}), not {text[:80]!r}")
    return text


def _secret(_name: str, text: str) -> str:
    kind, _, where = text.partition(":")
    if kind == "file" and not where.startswith("/"):
        raise ValueError(f"must be file: and an absolute path, as file:/run/secrets/windrow, not {text[:80]!r}")
    if kind == "env" and (not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", where) or where.startswith(PREFIX)):
        raise ValueError(f"must be env: and the name of a variable, not one of {PREFIX}'s, not {text[:80]!r}")
    return text


def _emf(_name: str, text: str) -> Emf:
    if text not in list(Emf):
        raise ValueError(f"must be one of {', '.join(Emf)}, not {text[:80]!r}")
    return Emf(text)


def _lock_mode(_name: str, text: str) -> LockMode:
    known = [mode.value for mode in LockMode if mode]
    if text not in known:
        raise ValueError(f"must be {' or '.join(known)}, not {text[:80]!r}")
    return LockMode(text)


def _stack(_name: str, text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_-]{1,64}", text):
        raise ValueError(f"must be 1 to 64 letters, digits, '_' and '-', not {text[:80]!r}")
    return text


def _region(_name: str, text: str) -> str:
    if not is_label(text):
        raise ValueError(f"must be a region, as us-east-1, not {text[:80]!r}")
    return text


def _queue(_name: str, text: str) -> str:
    parts = parsed(text)
    if parts is None or "@" in text or not parts.path.strip("/") or parts.query:
        raise ValueError(f"must be the URL of a queue, https://host/account/name, not {_without_user(text)!r}")
    return text


def parse_endpoint(_name: str, text: str) -> str:
    """Return an endpoint without its last slash. Raises `ValueError`, which says what it must be, if it is wrong."""
    if "@" in text:
        raise ValueError("must not hold credentials; put them in the secret that WINDROW_DESTINATION_SECRET_ID names")
    parts = parsed(text)
    if parts is None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"must be https://host[:port], not {text[:80]!r}")
    if parts.scheme == "http" and not is_loopback(text):
        raise ValueError("must use https://; http:// is accepted on loopback addresses only")
    return text.rstrip("/")


def _without_user(text: str) -> str:
    return re.sub("//[^/]*@", "//***@", text)[:80]


def _inventory(_name: str, text: str) -> str:
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not text.startswith("s3://") or not _BUCKET.fullmatch(bucket) or not _prefix("", prefix):
        raise ValueError(f"must be where inventories are delivered, as s3://bucket/prefix, not {text[:80]!r}")
    return text


def _prefix(_name: str, text: str) -> str:
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError(f"must have no '/' at its ends and no empty, '.' or '..' parts, as arch/eu, not {text[:80]!r}")
    if "\\" in text:
        raise ValueError(f"must have no '\\', which some servers list as another character, not {text[:80]!r}")
    if len(text.encode()) > MAX_PREFIX_BYTES:
        raise ValueError(f"must be at most {MAX_PREFIX_BYTES} bytes")
    return text


_PARSERS: dict[str, Callable[[str, str], object]] = {
    "stack": _stack,
    "emf": _emf,
    "object_lock_mode": _lock_mode,
    "landing_buckets": _buckets,
    "copies_bucket": _bucket,
    "destination_bucket": _bucket,
    "destination_endpoint": parse_endpoint,
    "destination_prefix": _prefix,
    "destination_region": _region,
    "destination_secret_id": _secret,
    "inventory": _inventory,
    "queue_url": _queue,
    "dlq_url": _queue,
    **dict.fromkeys(_BOUNDS, _whole_number),
}
