"""What to do about each fault of the destination."""

from __future__ import annotations

from collections.abc import Callable

from windrow.core.errors import DestinationError, DestinationFault
from windrow.doctor.check import Check, fail

ADVICE = {
    DestinationFault.CONNECT: "Check WINDROW_DESTINATION_ENDPOINT, the VPN and the firewall from where this runs.",
    DestinationFault.TLS: "Check the server's certificate and its name; put a private CA into the secret as ca_pem.",
    DestinationFault.CREDENTIALS: "Check the keys in the secret and the policy of their user at the destination.",
    DestinationFault.BUCKET: "Create the bucket, or correct WINDROW_DESTINATION_BUCKET.",
    DestinationFault.SLOW: "The server accepts and does not answer in time: look at its load and disks.",
    DestinationFault.REFUSED: "The server does not do what Windrow needs: use MinIO or another that does.",
    DestinationFault.UNAVAILABLE: "The server answers with errors: look at its log.",
    DestinationFault.PROTOCOL: "What answers is no S3 server: look for a proxy, a login page or a wrong port.",
    DestinationFault.CHECKSUM: "The server or something before it changes bytes: look for a proxy, then at the disks.",
}

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
