"""What else to do about what a trial of the destination finds."""

from __future__ import annotations

from collections.abc import Callable

from windrow.core.errors import DestinationError
from windrow.core.faults import ADVICE
from windrow.doctor.check import Check, fail

UNDERSCORES = (
    "Something before the server drops headers whose names have an underscore, as nginx does by default: set"
    " `underscores_in_headers on;` there. Archives carry x-amz-meta-sha256_checksum."
)

LARGE_BODY = (
    "Something before the server limits bodies (nginx: `client_max_body_size 0;` lifts it), or a quota is used up."
    " WINDROW_MAX_ARCHIVE_BYTES makes archives smaller."
)


def tried(name: str, step: Callable[[], Check]) -> Check:
    """Return what a step of a trial finds; a fault of the destination is a finding too."""
    try:
        return step()
    except DestinationError as error:
        return fail(name, str(error), ADVICE[error.kind])
