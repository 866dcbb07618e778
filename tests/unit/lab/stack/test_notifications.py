from __future__ import annotations

from datetime import UTC, datetime

from windrow.core.events import SourceObject
from windrow.core.notifications import parse
from windrow.lab.stack.notifications import created

MOMENT = datetime(2026, 11, 29, 10, 7, 1, 234_000, tzinfo=UTC)


def event(key: str) -> SourceObject:
    """Return what Windrow reads from the event of an upload."""
    message = created("landing", key, size=5, etag="d41d8", version_id="v1", moment=MOMENT)
    (found,) = parse(message, {"landing"})
    assert isinstance(found, SourceObject)
    return found


def test_windrow_reads_it_as_an_event_of_s3() -> None:
    """Bucket, key, version, size, ETag and time are those of the upload, however odd the key is."""
    found = event("a b/ü+%2F.json")
    assert ("landing", "a b/ü+%2F.json", "v1") == (found.bucket, found.key, found.version_id)
    assert (5, "d41d8", MOMENT) == (found.size, found.etag, found.event_time)


def test_sequencers_grow() -> None:
    """As S3's do, for a key that is written twice."""
    first, second = event("k").sequencer, event("k").sequencer
    assert first is not None
    assert second is not None
    assert first < second
