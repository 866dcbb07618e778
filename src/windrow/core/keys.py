"""Every key and folder that Windrow has at the destination, below its prefix.

| key | object |
| --- | --- |
| ``YYYY/MM/DD/HH/MM/<YYYYMMDDTHHMM>Z-<id>.tar.gz`` | an archive or a tombstone; shorter for an hour or a day |
| ``.windrow-staging/<object>-<time>-<owner>`` | a large archive that is being uploaded in parts |
| ``.windrow-canary/<time>-<id>`` | a canary: an object that a probe writes and reads |
| ``.windrow-quarantine/<key>.<stored at>`` | a broken archive, kept for an operator |
| ``.windrow-retention/<hour>-<digest>`` | a marker that the raw files of an hour have expired |
| ``.windrow-complete/YYYY/MM/DD/<start>-<end>.<judged at>.json`` | a completeness mark |
| ``.windrow-statements/YYYY/MM/DD/<start>-<end>.<judged at>.json``, ``.html`` | a statement of a daily audit |
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from windrow.core.manifest import Window
from windrow.core.windows import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from windrow.core.completeness import Mark

INTERNAL = ".windrow-"
"""How the names of folders begin that hold no archives."""

STAGING_FOLDER = f"{INTERNAL}staging"
CANARY_FOLDER = f"{INTERNAL}canary"
QUARANTINE_FOLDER = f"{INTERNAL}quarantine"
RETENTION_FOLDER = f"{INTERNAL}retention"
MARK_FOLDER = f"{INTERNAL}complete"
STATEMENT_FOLDER = f"{INTERNAL}statements"

SUFFIX = ".tar.gz"
ID_DIGITS = 16

_PATHS = {MINUTE: "%Y/%m/%d/%H/%M", HOUR: "%Y/%m/%d/%H", DAY: "%Y/%m/%d"}
_ARCHIVE = re.compile(
    r"(?:\A|/)(?P<path>\d{4}/\d\d/\d\d/(?:\d\d/){0,2})(?P<start>\d{8}T\d{4})Z-[0-9a-f]{16}\.tar\.gz\Z"
)
_STAGED = re.compile(r"(?:\A|/)\.windrow-staging/([0-9a-f]{16})-(\d{1,12})-[0-9a-f]{16}\Z")
_CANARY = re.compile(r"(?:\A|/)\.windrow-canary/(\d{1,12})-[^/]+\Z")
_JUDGED = r"/\d{4}/\d\d/\d\d/(\d{8}T\d{6}Z)-(\d{8}T\d{6}Z)\.(\d{8}T\d{6}Z)\.json\Z"
_MARK = re.compile(rf"(?:\A|/)\.windrow-complete{_JUDGED}")
_STATEMENT = re.compile(rf"(?:\A|/)\.windrow-statements{_JUDGED}")
_SECOND = "%Y%m%dT%H%M%SZ"


def below(prefix: str, path: str) -> str:
    """Return the key of a path below the prefix, which may be empty."""
    return f"{prefix}/{path}" if prefix else path


def is_internal(key: str) -> bool:
    """Return whether a key is in one of Windrow's folders that hold no archives."""
    return f"/{INTERNAL}" in f"/{key}"


def archive_key(prefix: str, start: datetime, width: timedelta, object_ids: Iterable[str]) -> str:
    """Return an archive's key; the path is shorter for a window of an hour or a day.

    ``id`` is the first 16 hex digits of the SHA-256 over the sorted ids, joined by newlines.
    """
    identity = _digits("\n".join(sorted(object_ids)))
    return below(prefix, f"{start.strftime(_PATHS[width])}/{start:%Y%m%dT%H%M}Z-{identity}{SUFFIX}")


def rebuild_key(key: str, owner: str) -> str:
    """Return the key for objects of the planned archive ``key`` that any worker claimed before.

    The planned key may be taken, by an archive without them or by a tombstone, and the same messages always give the
    same plan. So the request id (``owner``) becomes part of the digest.
    """
    stem, _, identity = key.removesuffix(SUFFIX).rpartition("-")
    return f"{stem}-{_digits(identity + owner)}{SUFFIX}"


def window_of(key: str) -> Window | None:
    """Return the window in an archive's key, None if the key is not an archive's."""
    match = _ARCHIVE.search(key)
    if match is None:
        return None
    width = {3: DAY, 4: HOUR, 5: MINUTE}[match["path"].count("/")]
    try:
        start = datetime.strptime(match["start"], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    return Window(start, start + width)


def day_folder(prefix: str, day: datetime) -> str:
    """Return the folder of the archives whose window starts on a day (it ends in a slash)."""
    return below(prefix, f"{day:%Y/%m/%d}/")


def staging_folder(prefix: str) -> str:
    """Return the folder in which archives too large for memory are assembled (it ends in a slash)."""
    return below(prefix, f"{STAGING_FOLDER}/")


def staging_key(prefix: str, object_id: str, owner: str, now: datetime) -> str:
    """Return the key at which one run stages the archive of an object."""
    return f"{staging_folder(prefix)}{_digits(object_id)}-{int(now.timestamp())}-{_digits(owner)}"


def is_staged(key: str, object_id: str) -> bool:
    """Return whether the archive of this object is staged at this key."""
    match = _STAGED.search(key)
    return match is not None and match[1] == _digits(object_id)


def staged_at_s(key: str) -> int | None:
    """Return when a run began to stage at a key (seconds since 1970), None if it is not a staging key."""
    match = _STAGED.search(key)
    return int(match[2]) if match else None


def canary_folder(prefix: str) -> str:
    """Return the folder of the canaries (it ends in a slash)."""
    return below(prefix, f"{CANARY_FOLDER}/")


def canary_key(prefix: str, name: str, now: datetime) -> str:
    """Return the key of a new canary."""
    return f"{canary_folder(prefix)}{int(now.timestamp())}-{name}"


def canary_made_at_s(key: str) -> int | None:
    """Return when a canary was made (seconds since 1970), None if the key is not a canary's."""
    match = _CANARY.search(key)
    return int(match[1]) if match else None


def quarantine_key(prefix: str, key: str, stored_at: datetime) -> str:
    """Return the key at which a broken archive is kept.

    It does not end in ``.tar.gz``, so that a consumer who reads all archives below the prefix does not read this one.
    """
    path = key.removeprefix(below(prefix, ""))
    return below(prefix, f"{QUARANTINE_FOLDER}/{path}.{stored_at:{_SECOND}}")


def retention_folder(prefix: str) -> str:
    """Return the folder of the markers of expired hours (it ends in a slash)."""
    return below(prefix, f"{RETENTION_FOLDER}/")


def mark_folder(prefix: str, day: datetime) -> str:
    """Return the folder of a day's marks (it ends in a slash)."""
    return below(prefix, f"{MARK_FOLDER}/{day:%Y/%m/%d}/")


def mark_key(prefix: str, mark: Mark) -> str:
    """Return a mark's key."""
    return mark_folder(prefix, mark.start) + _judged_name(Window(mark.start, mark.end), mark.judged_at, "json")


def span_of(key: str) -> Window | None:
    """Return the span in a mark's key, None if the key is not a mark's."""
    judged = _judged(_MARK.search(key))
    return judged[0] if judged else None


def statement_folder(prefix: str, day: datetime) -> str:
    """Return the folder of the statements whose span starts on a day (it ends in a slash)."""
    return below(prefix, f"{STATEMENT_FOLDER}/{day:%Y/%m/%d}/")


def statement_key(prefix: str, span: Window, judged_at: datetime, form: str) -> str:
    """Return the key of a statement; ``form`` is ``json`` or ``html``."""
    return statement_folder(prefix, span.start) + _judged_name(span, judged_at, form)


def statement_of(key: str) -> tuple[Window, datetime] | None:
    """Return the span in a statement's key and when it was judged, None if the key is not a JSON statement's."""
    return _judged(_STATEMENT.search(key))


def _judged_name(span: Window, judged_at: datetime, form: str) -> str:
    return f"{span.start:{_SECOND}}-{span.end:{_SECOND}}.{judged_at:{_SECOND}}.{form}"


def _judged(match: re.Match[str] | None) -> tuple[Window, datetime] | None:
    if match is None:
        return None
    try:
        start, end, at = (datetime.strptime(text, _SECOND).replace(tzinfo=UTC) for text in match.groups())
    except ValueError:
        return None
    return (Window(start, end), at) if start < end else None


def _digits(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:ID_DIGITS]
