"""HTTP for the destination: TLS 1.2 or newer, and a private CA that is never written to disk."""

from __future__ import annotations

import os
import re
import ssl
from typing import Any

from botocore.httpsession import URLLib3Session, get_cert_path

from windrow.clients.aws import proxies_for
from windrow.core.errors import DestinationError, DestinationFault

_CERTIFICATE = re.compile("-----BEGIN (X509 )?CERTIFICATE-----.+?-----END (X509 )?CERTIFICATE-----", re.DOTALL)
"""The certificates in a PEM file; https://www.rfc-editor.org/rfc/rfc7468#section-2 allows any text between them."""


def context_for(ca_pem: str | None) -> ssl.SSLContext:
    """Return a context that verifies host names and trusts the given CA, or else those that AWS clients trust.

    Raises:
        DestinationError: ``ca_pem`` is not a PEM certificate, or the file of AWS's CAs can't be read (kind ``tls``).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_pem is None:
        # As for AWS itself, without the profile's `ca_bundle`: a profile does not apply to the destination.
        path = get_cert_path(os.environ.get("AWS_CA_BUNDLE") or True)  # type: ignore[arg-type]  # accepts a path too
        try:
            context.load_verify_locations(cafile=path)
        except OSError as error:
            raise DestinationError(f"{path} is not a file of CA certificates: {error}", DestinationFault.TLS) from error
        return context
    # ssl refuses text that is not ASCII, which a comment may be.
    certificates = "\n".join(match[0] for match in _CERTIFICATE.finditer(ca_pem))
    try:
        context.load_verify_locations(cadata=certificates)
    except (ssl.SSLError, TypeError, ValueError) as error:
        raise DestinationError(
            "ca_pem in the destination secret is not a PEM certificate", DestinationFault.TLS
        ) from error
    return context


class StrictHttp(URLLib3Session):
    """botocore's HTTP session with a given TLS context.

    botocore has no setting for the lowest TLS version, and accepts a private CA as a file only. The two methods
    overridden here build its context and name its CA file; the contract suite of the destination fails if a new
    version of botocore no longer uses them (wrong CA, TLS 1.1).
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        endpoint: str,
        *,
        timeout: tuple[float, float],
        connections: int,
    ) -> None:
        self._context = context
        super().__init__(
            timeout=timeout,  # type: ignore[arg-type]  # accepts a pair (connect, read) too
            max_pool_connections=connections,
            proxies=proxies_for(endpoint),
        )

    def _get_ssl_context(self) -> ssl.SSLContext:
        return self._context

    # ANN401: botocore leaves its connection pools untyped.
    def _setup_ssl_cert(self, conn: Any, _url: str, _verify: object) -> None:  # noqa: ANN401
        conn.cert_reqs = "CERT_REQUIRED"
        conn.ca_certs = None
