"""HTTP for the destination: TLS 1.2 or newer, and a private CA that never touches the disk."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.httpsession import URLLib3Session, get_cert_path

from windrow.clients.aws import proxies_for
from windrow.clients.destination.body import ChunksBody
from windrow.core.errors import DestinationError, DestinationFault

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse


_CERTIFICATE = re.compile("-----BEGIN (X509 )?CERTIFICATE-----.+?-----END (X509 )?CERTIFICATE-----", re.DOTALL)
"""What counts in a PEM file: https://www.rfc-editor.org/rfc/rfc7468#section-2 lets any text stand between."""


def context_for(ca_pem: str | None) -> ssl.SSLContext:
    """Return a context that verifies host names and trusts the CA given, else those that AWS clients trust.

    Raises:
        DestinationError: ``ca_pem`` is no PEM certificate, or the file of AWS's CAs can't be read (kind ``tls``).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_pem is None:
        # As for AWS itself, but for the profile's `ca_bundle`: a profile has no say in the destination.
        path = get_cert_path(os.environ.get("AWS_CA_BUNDLE") or True)  # type: ignore[arg-type]  # a path is taken too
        try:
            context.load_verify_locations(cafile=path)
        except OSError as error:
            raise DestinationError(f"{path} is no file of CA certificates: {error}", DestinationFault.TLS) from error
        return context
    # ssl refuses text that is no ASCII, which a comment may be.
    certificates = "\n".join(match[0] for match in _CERTIFICATE.finditer(ca_pem))
    try:
        context.load_verify_locations(cadata=certificates)
    except (ssl.SSLError, TypeError, ValueError) as error:
        raise DestinationError(
            "ca_pem in the destination secret is no PEM certificate", DestinationFault.TLS
        ) from error
    return context


class StrictHttp(URLLib3Session):
    """botocore's HTTP session with a TLS context of one's own.

    botocore offers no setting for the lowest TLS version, and takes a private CA as a file only. The two methods
    overridden here are where it builds its context and names its CA file; the contract suite of the destination
    fails if they stop being so (wrong CA, TLS 1.1).
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        endpoint: str,
        *,
        timeout: tuple[float, float],
        connections: int,
        pace: Callable[[int], None] | None = None,
    ) -> None:
        self._context = context
        self._pace = pace
        super().__init__(
            timeout=timeout,  # type: ignore[arg-type]  # a pair (connect, read) is taken too
            max_pool_connections=connections,
            proxies=proxies_for(endpoint),
        )

    def send_request(self, request: AWSPreparedRequest, **_event: object) -> AWSResponse:
        """Send a request; registered for botocore's event ``before-send``, whose handlers may answer for it."""
        body: object = request.body  # the stubs know of bytes alone
        if isinstance(body, ChunksBody):
            body.pace = self._pace  # from here on, what is read of it is sent
        return self.send(request)

    def _get_ssl_context(self) -> ssl.SSLContext:
        return self._context

    # ANN401: botocore leaves its connection pools untyped.
    def _setup_ssl_cert(self, conn: Any, _url: str, _verify: object) -> None:  # noqa: ANN401
        conn.cert_reqs = "CERT_REQUIRED"
        conn.ca_certs = None
