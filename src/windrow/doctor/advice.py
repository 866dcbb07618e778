"""Advice for the findings of a destination's test."""

from __future__ import annotations

from collections.abc import Callable

from windrow.core.errors import DestinationError
from windrow.core.faults import ADVICE
from windrow.doctor.check import Check, fail

UNDERSCORES = (
    "A proxy before the server drops headers whose names have an underscore, as nginx does by default: set"
    " `underscores_in_headers on;` there. Archives need x-amz-meta-sha256_checksum."
)

LARGE_BODY = (
    "A proxy before the server limits bodies (nginx: `client_max_body_size 0;` removes it), or a quota is used up."
    " WINDROW_MAX_ARCHIVE_BYTES makes archives smaller."
)


def tried(name: str, step: Callable[[], Check]) -> Check:
    """Return the result of a step; a fault of the destination is a failed check."""
    try:
        return step()
    except DestinationError as error:
        return fail(name, str(error), ADVICE[error.kind])
