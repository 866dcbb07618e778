"""Turns errors of requests to the destination, and of building its client, into `DestinationError`."""

from __future__ import annotations

import ssl

from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from urllib3.exceptions import ReadTimeoutError as Urllib3ReadTimeout
from urllib3.exceptions import SSLError as Urllib3SslError

from windrow.clients import answers
from windrow.clients.answers import UnreadableAnswer
from windrow.core.errors import DestinationError, DestinationFault

_CREDENTIALS = frozenset(
    {
        "AccessDenied",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "XAdminUserNotFound",  # versitygw's InvalidAccessKeyId, with status 404
    }
)
_UNAUTHORIZED = (401, 403)
_CHECKSUM = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})
"""Codes for a body that differs from the signed or declared digest: nothing was stored. The last two are MinIO's."""

_PASSING = frozenset({"ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown", "SlowDownWrite"})
_PASSING_STATUS = (408, 429)
"""Refusals that pass in a moment. (409 ConditionalRequestConflict: another PUT of the key was running.)"""

_SERVER_ERROR = 500
_NOT_IMPLEMENTED = 501
"""The one 5xx status that no retry can fix: the server does not support the request."""


def to_destination_error(error: Exception, what: str, *, sent: bool) -> DestinationError:
    """Return the error for a failed request; ``sent`` says whether the whole body of a PUT was sent.

    The message has the server's code and status but not its text, which might quote what it was sent.
    """
    if isinstance(error, ClientError):
        return _refusal(error, what, sent=sent)
    kind = _transport_kind(error)
    return DestinationError(f"{what}: {_reason(error)}", kind, maybe_stored=sent)


def _refusal(error: ClientError, what: str, *, sent: bool) -> DestinationError:
    code, status = answers.code(error), answers.status(error)
    message = f"{what}: HTTP {status}" if code == str(status) else f"{what}: {code} (HTTP {status})"
    if status >= _SERVER_ERROR:
        kind = DestinationFault.REFUSED if status == _NOT_IMPLEMENTED else DestinationFault.UNAVAILABLE
        return DestinationError(message, kind, maybe_stored=sent)
    return DestinationError(message, _refusal_kind(code, status))


def _refusal_kind(code: str, status: int) -> DestinationFault:
    if code in _CHECKSUM:
        return DestinationFault.CHECKSUM
    if code in _PASSING or status in _PASSING_STATUS:
        return DestinationFault.UNAVAILABLE
    if code in _CREDENTIALS or status in _UNAUTHORIZED:
        return DestinationFault.CREDENTIALS
    if code == "NoSuchBucket":
        return DestinationFault.BUCKET
    return DestinationFault.REFUSED


def _reason(error: Exception) -> str:
    """Return the operating system's reason, as "Connection refused", if there is one: botocore gives only the URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}: {error}"


def _transport_kind(error: Exception) -> DestinationFault:
    # The last two are raised while an answer's body is read, where botocore does not wrap them.
    if isinstance(error, SSLError | Urllib3SslError | ssl.SSLError):
        return DestinationFault.TLS
    if isinstance(error, ReadTimeoutError | Urllib3ReadTimeout):
        return DestinationFault.SLOW
    if isinstance(error, ParamValidationError):
        return DestinationFault.REFUSED
    if isinstance(error, UnreadableAnswer):
        return DestinationFault.PROTOCOL
    # The server is down or unreachable. With a lost VPN, connecting times out.
    if isinstance(error, NoConnectionError | HTTPClientError):
        return DestinationFault.CONNECT
    return DestinationFault.UNAVAILABLE
