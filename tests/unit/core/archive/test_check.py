"""What a manifest may say; `test_reader` changes every field of one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from windrow.core.archive.check import check
from windrow.core.errors import ArchiveError
from windrow.core.manifest import FORMAT, Manifest

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
EMPTY = Manifest(FORMAT, EPOCH, EPOCH, [], [])


def test_a_window_may_start_with_1970_and_be_empty() -> None:
    """No header holds an earlier time."""
    check(EMPTY)


@pytest.mark.parametrize(
    "changes",
    [{"window_start": EPOCH - SECOND}, {"window_start": EPOCH + SECOND}],
    ids=["before 1970", "after its end"],
)
def test_a_window_that_cannot_be_is_refused(changes: dict[str, datetime]) -> None:
    """As what it is."""
    with pytest.raises(ArchiveError, match="ends before it starts, or starts before 1970"):
        check(msgspec.structs.replace(EMPTY, **changes))
