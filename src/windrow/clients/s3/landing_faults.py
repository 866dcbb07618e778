"""Turns errors of a landing bucket into what they mean for the object that was requested."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError

from windrow.core.errors import (
    LandingError,
    ObjectArchived,
    ObjectForbidden,
    ObjectKeyNotHeld,
    ObjectKeyUnusable,
    ObjectMissing,
    ObjectRefused,
    Permanent,
    SourceChecksumWrong,
)
from windrow.core.events import SourceObject
from windrow.core.shapes import shown

_GONE = {
    "GetObject": frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "PreconditionFailed"}),
    "HeadObject": frozenset({"404", "405", "412"}),
}
"""S3 answers MethodNotAllowed if the version is a delete marker, PreconditionFailed if the ETag has changed. A HEAD has
no body with a code. A GET's answer without a code is not from S3, and so does not show that the object is gone."""

_ALLOW = "Let the role read it: its own policy, the bucket's, the endpoint's and the key's must all allow that."
_RESTORE_KEY = "Enable the key or cancel its deletion; without it nobody can read the object."
_NO_SSE_C = (
    "It needs the key of its uploader (SSE-C): have it uploaded again without, and forbid SSE-C in the bucket's policy."
)

_REFUSED: dict[str, tuple[type[Permanent], str]] = {
    "AllAccessDisabled": (ObjectForbidden, _ALLOW),
    "AccessDenied": (ObjectForbidden, _ALLOW),
    "InvalidRequest": (ObjectKeyNotHeld, _NO_SSE_C),
}
"""Codes that last until somebody changes a policy or a key, with the rejection and the advice for an object. The same
goes for KMS's errors that S3 passes on. All others may pass, or are not about one object (credentials, the bucket,
throttling, S3's own faults):
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""

_OF_THE_KEY = re.compile(r"kms[.:](?!.*(?:throttl|limit))", re.IGNORECASE)
"""``KMS.DisabledException``, ``KMS.KMSInvalidStateException``, ``KMS.NotFoundException``; MinIO writes a colon."""

_SERVER_ERROR = 500

SAID_CHARS = 300
"""Most characters of S3's own message, which names the role, the action and the key that were refused."""


def name_of(source: SourceObject) -> str:
    """Return bucket and key, for messages."""
    return f"{source.bucket}/{source.key!r}"


def meaning_of(source: SourceObject, error: Exception, version: dict[str, Any]) -> LandingError | Permanent:
    """Return the error for an object that was requested with the parameters ``version``."""
    if not isinstance(error, ClientError):
        return LandingError(f"{name_of(source)} was not served: {error}")
    answer = error.response.get("Error", {})
    code = answer.get("Code", "unknown")
    said = shown(answer.get("Message", ""), SAID_CHARS)
    if code == "InvalidObjectState":
        return ObjectArchived(f"{name_of(source)} must be restored from its archive storage class first")
    if code in _GONE[error.operation_name] or (code == "InvalidArgument" and "VersionId" in version):
        wanted = f"version {source.version_id}" if source.version_id else f"ETag {source.etag}"
        return ObjectMissing(f"{name_of(source)} {wanted} does not exist any more ({code})")
    if code == "InvalidRange":
        return SourceChecksumWrong(f"{name_of(source)} has fewer bytes than its event says, {source.size}")
    refused = _refused(code, error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR))
    if refused is not None:
        rejection, advice = refused
        return ObjectRefused(rejection(f"{name_of(source)} is refused: {code}, {said}. {advice}"))
    return LandingError(f"{name_of(source)} was not served: {code}")


def _refused(code: str, status: int) -> tuple[type[Permanent], str] | None:
    """Return the rejection and the advice for a refusal that lasts; None if it is not one."""
    if _OF_THE_KEY.match(code) and status < _SERVER_ERROR:
        return ObjectKeyUnusable, _RESTORE_KEY
    return _REFUSED.get(code)
