"""Signs an upload with the digest that is known already: over plain HTTP botocore would hash the body once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.auth import AUTH_TYPE_MAPS, S3SigV4Auth

from windrow.clients.destination.body import ChunksBody

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from botocore.client import BaseClient

_NAME = "windrow-s3v4"


class _KnownDigest(S3SigV4Auth):
    """botocore's signature version 4 for S3; the digest of a `ChunksBody` is not computed."""

    def payload(self, request: AWSRequest) -> str:
        """Return the digest to sign; over TLS it is S3's word for a body that is not signed."""
        body: object = request.body  # the stubs allow bytes only
        if isinstance(body, ChunksBody) and not f"{request.url}".startswith("https:"):
            return body.sha256.hex()
        return super().payload(request)


def use_known_digests(client: BaseClient) -> None:
    """Have an S3 client sign its uploads in this way."""
    signers: dict[str, Any] = AUTH_TYPE_MAPS
    signers[_NAME] = _KnownDigest
    for operation in ("PutObject", "UploadPart"):
        client.meta.events.register(f"choose-signer.s3.{operation}", _choose)  # type: ignore[arg-type]  # may answer


def _choose(**_event: object) -> str:
    return _NAME
