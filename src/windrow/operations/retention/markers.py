"""Markers of hours whose raw files have expired, so that later runs can skip them.

A marker is an object at the destination, named after the hour and a digest of the hour's archives and the landing
buckets. It only saves work: a late archive changes the digest, and a lost marker costs one more check of its hour.
Without markers, each run would read the manifests of the whole lookback again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from windrow.core.errors import DestinationError
from windrow.core.keys import retention_folder
from windrow.ports import Destination

KEPT = timedelta(days=30)
"""How long markers are kept after the hot days of their hour: longer than a scheduled run looks back."""

BODY = b"raw files of this hour have expired\n"

_MARKER = re.compile(r"(\d{8}T\d\d)-[0-9a-f]{16}")
_HOUR = "%Y%m%dT%H"

_log = logging.getLogger(__name__)


class Markers:
    """The markers at one destination."""

    def __init__(self, destination: Destination, *, prefix: str, buckets: Collection[str]) -> None:
        self._destination = destination
        self._folder = retention_folder(prefix)
        self._buckets = sorted(buckets)
        self._names: set[str] = set()

    def load(self, *, kept_since: datetime | None) -> None:
        """Read the markers, and delete those of hours before ``kept_since``, if given. Raises `DestinationError`."""
        self._names = {key.removeprefix(self._folder) for key, _ in self._destination.list(self._folder)}
        if kept_since is None:
            return
        for name in sorted(self._names):
            match = _MARKER.fullmatch(name)
            if match and datetime.strptime(match[1], _HOUR).replace(tzinfo=UTC) < kept_since:
                self._destination.delete(self._folder + name)

    def has(self, hour: datetime, keys: Iterable[str]) -> bool:
        """Return whether there is a marker of the hour with exactly these archives."""
        return self._name(hour, keys) in self._names

    def write(self, hour: datetime, keys: Iterable[str]) -> None:
        """Write the marker that the raw files of these archives, all of the hour, have expired. Best effort."""
        name = self._name(hour, keys)
        try:
            self._destination.put(self._folder + name, [BODY], sha256(BODY).digest(), {})
        except DestinationError as error:
            _log.warning("marker of an expired hour not written", extra={"hour": name, "error": str(error)})

    def _name(self, hour: datetime, keys: Iterable[str]) -> str:
        lines = "\n".join([*self._buckets, "", *sorted(keys)])
        return f"{hour:{_HOUR}}-{sha256(lines.encode()).hexdigest()[:16]}"
