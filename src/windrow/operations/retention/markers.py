"""Notes of the hours whose raw files have expired, so that no run goes through them again.

A note is an object in the destination, named after the hour and a digest of the hour's archives and the landing
buckets. It is a short cut and no truth: an archive that comes late changes the digest, and a note that is lost costs
one more look. Without notes each run would read the manifests of the whole lookback again.
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
"""How long notes are kept beyond the hot days of their hour. A run looks back less far, but one by hand may not."""

BODY = b"raw files of this hour have expired\n"

_NOTE = re.compile(r"(\d{8}T\d\d)-[0-9a-f]{16}")
_HOUR = "%Y%m%dT%H"

_log = logging.getLogger(__name__)


class Markers:
    """The notes on one destination."""

    def __init__(self, destination: Destination, *, prefix: str, buckets: Collection[str]) -> None:
        self._destination = destination
        self._folder = retention_folder(prefix)
        self._buckets = sorted(buckets)
        self._names: set[str] = set()

    def load(self, *, kept_since: datetime | None) -> None:
        """Read the notes, and delete those of hours before ``kept_since``, if given. Raises `DestinationError`."""
        self._names = {key.removeprefix(self._folder) for key, _ in self._destination.list(self._folder)}
        if kept_since is None:
            return
        for name in sorted(self._names):
            match = _NOTE.fullmatch(name)
            if match and datetime.strptime(match[1], _HOUR).replace(tzinfo=UTC) < kept_since:
                self._destination.delete(self._folder + name)

    def knows(self, hour: datetime, keys: Iterable[str]) -> bool:
        """Return whether there is a note of the hour with exactly these archives."""
        return self._name(hour, keys) in self._names

    def note(self, hour: datetime, keys: Iterable[str]) -> None:
        """Note that the raw files of these archives, all of the hour, have expired. Best effort."""
        name = self._name(hour, keys)
        try:
            self._destination.put(self._folder + name, [BODY], sha256(BODY).digest(), {})
        except DestinationError as error:
            _log.warning("an expired hour is not noted", extra={"hour": name, "error": str(error)})

    def _name(self, hour: datetime, keys: Iterable[str]) -> str:
        lines = "\n".join([*self._buckets, "", *sorted(keys)])
        return f"{hour:{_HOUR}}-{sha256(lines.encode()).hexdigest()[:16]}"
