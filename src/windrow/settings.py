"""Settings from the environment (``WINDROW_*``), validated once."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit

import msgspec

from windrow.core.errors import SettingsError

PREFIX = "WINDROW_"
MIB = 1024 * 1024
MAX_PREFIX_BYTES = 512
"""Half of S3's limit for a key (1,024 bytes), which leaves room for the archive's own part of it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings; the environment variable is the field's name in capitals behind ``WINDROW_``.

    A setting that an entry point does not need may be empty there: `load` is told which are needed.
    """

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
    """Secrets Manager id of a JSON object ``{"access_key", "secret_key", "ca_pem"?}``."""
    compression_level: int = 6
    """libdeflate's level, 1 (fast) to 12 (small)."""
    frame_bytes: int = MIB
    """Raw bytes that are compressed together as one gzip member."""
    max_archive_bytes: int = 192 * MIB
    """Raw bytes of one archive at most; a larger object is streamed into an archive of its own. Files that do not
    compress are held at this size until the archive is put: with the default, a process stays under 400 MB."""
    max_object_bytes: int = 5120 * MIB
    """An object over this is dead-lettered as ``too-large``."""
    fetch_concurrency: int = 16
    event_source_mapping_id: str = ""
    copies_bucket: str = ""
    """Bucket for copies of archives, in retention mode ``archives``."""
    retention_hot_days: int = 7
    """Days that raw files stay once they are delivered; `windrow retain` deletes older ones."""


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

_BOUNDS = {
    "ledger_ttl_days": (5, 3650),
    "compression_level": (1, 12),
    "frame_bytes": (64 * 1024, 64 * MIB),
    "max_archive_bytes": (MIB, 4096 * MIB),
    "max_object_bytes": (1, 5 * 1024**4),
    "fetch_concurrency": (1, 256),
    "retention_hot_days": (1, 365),
}
"""Lowest and highest value. The ledger must remember at least as long as the queue keeps a message (5 days)."""


def load(environ: Mapping[str, str], needs: Collection[str] = AGGREGATE) -> Settings:
    """Read and check the settings.

    Raises:
        SettingsError: it lists every unknown, missing and wrong setting, not only the first.
    """
    faults: list[str] = []
    values: dict[str, object] = {}
    fields = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    for variable in sorted(v for v in environ if v.startswith(PREFIX)):
        name = fields.get(variable)
        if name is None:
            close = difflib.get_close_matches(variable, fields, n=1)
            faults.append(f"{variable} is no setting" + (f"; did you mean {close[0]}?" if close else ""))
            continue
        text = environ[variable].strip()
        if not text:
            continue
        try:
            values[name] = _PARSERS.get(name, _text)(name, text)
        except ValueError as error:
            faults.append(f"{variable} {error}")
    if values.get("copies_bucket") in values.get("landing_buckets", ()):  # type: ignore[operator]
        faults.append(f"{PREFIX}COPIES_BUCKET must be none of {PREFIX}LANDING_BUCKETS: copies would come in as uploads")
    for name in needs:
        variable = PREFIX + name.upper()
        if name not in values and not any(fault.startswith(variable + " ") for fault in faults):
            faults.append(f"{variable} is needed and not set")
    if faults:
        raise SettingsError("; ".join(faults))
    return msgspec.convert(values, Settings)


def is_loopback(endpoint: str) -> bool:
    """Tell whether an endpoint URL names this machine."""
    host = urlsplit(endpoint).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _text(_name: str, text: str) -> str:
    return text


def _whole_number(name: str, text: str) -> int:
    low, high = _BOUNDS[name]
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"must be a whole number from {low} to {high}, not {text[:40]!r}") from None
    if not low <= number <= high:
        raise ValueError(f"must be from {low} to {high}, not {number}")
    return number


def _buckets(_name: str, text: str) -> frozenset[str]:
    names = frozenset(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        if "/" in name or ":" in name:
            raise ValueError(f"must be a comma-separated list of bucket names; {name[:80]!r} is none")
    return names


def _bucket(_name: str, text: str) -> str:
    if "/" in text or ":" in text or "," in text:
        raise ValueError(f"must be the name of one bucket, not {text[:80]!r}")
    return text


def _endpoint(_name: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.username or parts.password:
        raise ValueError("must not hold credentials; put them in the secret that WINDROW_DESTINATION_SECRET_ID names")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError(f"must be https://host[:port], not {text[:80]!r}")
    if parts.scheme == "http" and not is_loopback(text):
        raise ValueError("must use https://; http:// is accepted on loopback addresses only")
    return text.rstrip("/")


def _prefix(_name: str, text: str) -> str:
    parts = text.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or len(text.encode()) > MAX_PREFIX_BYTES:
        raise ValueError(f"must be at most {MAX_PREFIX_BYTES} bytes and have no empty, '.' or '..' parts")
    return "/".join(parts)


_PARSERS: dict[str, Callable[[str, str], object]] = {
    "landing_buckets": _buckets,
    "copies_bucket": _bucket,
    "destination_endpoint": _endpoint,
    "destination_prefix": _prefix,
    **dict.fromkeys(_BOUNDS, _whole_number),
}
