"""Messages for the destination's faults: what is wrong with it, and what to do."""

from __future__ import annotations

from windrow.core.errors import DestinationError, DestinationFault, SecretError

SOUND = "Use one that was found to keep writers apart: MinIO, versitygw, SeaweedFS, S3Proxy 4.1 (docs/destinations.md)."

ADVICE = {
    DestinationFault.CONNECT: "Check WINDROW_DESTINATION_ENDPOINT, the VPN and the firewall from where this runs.",
    DestinationFault.TLS: "Check the server's certificate and its name; put a private CA into the secret as ca_pem.",
    DestinationFault.CREDENTIALS: "Check the keys in the secret and the policy of their user at the destination.",
    DestinationFault.BUCKET: "Check WINDROW_DESTINATION_BUCKET. If the bucket was lost, see docs/operations.md"
    "#destination-bucket before you create an empty one.",
    DestinationFault.SLOW: "The server accepts connections and does not respond in time: check its load and disks.",
    DestinationFault.REFUSED: f"The server does not do what Windrow needs. {SOUND}",
    DestinationFault.UNAVAILABLE: "The server responds with errors: check its log.",
    DestinationFault.PROTOCOL: "What responds is not an S3 server: look for a proxy, a login page or a wrong port.",
    DestinationFault.CHECKSUM: "The server or a proxy before it changes bytes: look for a proxy, then check the disks.",
}

_WRONG = {
    DestinationFault.CONNECT: "can't be reached",
    DestinationFault.TLS: "has a TLS fault",
    DestinationFault.CREDENTIALS: "refuses the credentials",
    DestinationFault.BUCKET: "does not have the bucket",
    DestinationFault.SLOW: "does not answer in time",
    DestinationFault.REFUSED: "refuses a request",
    DestinationFault.UNAVAILABLE: "fails",
    DestinationFault.PROTOCOL: "does not answer as S3 does",
    DestinationFault.CHECKSUM: "holds other bytes than it should",
}


def explained(error: DestinationError) -> str:
    """Return what is wrong with the destination, which one it is, and what to do."""
    if isinstance(error.__cause__, SecretError):
        why = error.__cause__
        return f"the destination's credentials could not be read: {why}. Check WINDROW_DESTINATION_SECRET_ID."
    where = f" {error.where}" if error.where else ""
    return f"the destination{where} {_WRONG[error.kind]}: {error}. {ADVICE[error.kind]}"
