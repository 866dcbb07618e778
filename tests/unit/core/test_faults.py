"""What is said of a destination that fails."""

from __future__ import annotations

import pytest

from windrow.core.errors import DestinationError, DestinationFault, SecretError
from windrow.core.faults import explained


@pytest.mark.parametrize("kind", DestinationFault)
def test_every_fault_says_that_it_is_the_destination_which_and_what_to_do(kind: DestinationFault) -> None:
    """An operator may know nothing of the request that failed."""
    error = DestinationError("LIST a/: no", kind)
    error.where = "https://minio.example, bucket archives,"
    text = explained(error)
    head, _, advice = text.partition(": LIST a/: no. ")

    assert head.startswith("the destination https://minio.example, bucket archives, ")
    assert advice.endswith(".")


def test_a_fault_without_a_place_leaves_it_out() -> None:
    """What a comparison of bytes finds has none."""
    text = explained(DestinationError("k has others", DestinationFault.CHECKSUM))

    assert "the destination holds other bytes than it should: k has others" == text.partition(". ")[0]


def test_credentials_that_cannot_be_read_are_no_fault_of_the_destination() -> None:
    """Nobody asked it."""
    error = DestinationError("no credentials: x", DestinationFault.CREDENTIALS)
    error.__cause__ = SecretError("secret 's' could not be read")
    expected = "the destination's credentials could not be read: secret 's' could not be read. Check "

    assert f"{expected}WINDROW_DESTINATION_SECRET_ID." == explained(error)
