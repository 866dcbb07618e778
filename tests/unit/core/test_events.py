"""What identifies an object to the ledger."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from windrow.core.events import MAX_LEDGER_ID_BYTES, ledger_id


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=3000))
def test_a_ledger_id_fits_a_partition_key_and_stays_distinct(plain: str) -> None:
    """Long ids are cut, closed by a digest, and differ where the originals differ at their very end."""
    first, second = ledger_id(plain + "1"), ledger_id(plain + "2")

    assert len(first.encode()) <= MAX_LEDGER_ID_BYTES
    assert first != second
