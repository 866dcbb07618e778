"""The destination bucket on MinIO, or any S3 server with conditional PUTs and SHA-256 checksums."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from windrow.clients import answers, aws
from windrow.clients.answers import UnreadableAnswer
from windrow.clients.destination.body import ChunksBody
from windrow.clients.destination.faults import to_destination_error
from windrow.clients.destination.object_lock import ObjectLock
from windrow.clients.destination.pace import Pace
from windrow.clients.destination.tls import StrictHttp, context_for
from windrow.clients.destination.uploads import put_object
from windrow.clients.s3.answers import Entry, Head, LockedHead, Page, Range
from windrow.core.backoff import RetryPolicy
from windrow.core.errors import READ_AGAIN, DestinationError, DestinationFault, SecretError
from windrow.ports import Clock, Credentials, Secrets, Stored

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_s3 import S3Client
    from typing_extensions import Buffer

CONNECTIONS = 16
PAUSE_S = 0.2

CONTENT_TYPE = "application/gzip"

SHA256_BYTES = 32

_FAILURES = (ClientError, BotoCoreError, HTTPError, OSError, ValueError)
"""All that a request, or building its client, may raise: botocore passes on errors of urllib3 while an answer's body is
read, and Python's own errors for some settings (a region, a profile's files)."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


class RequestPolicy(msgspec.Struct, frozen=True):
    """Timeouts and attempts of requests.

    ``connect_s`` is for TCP, and once more for TLS. ``read_s`` is the longest silence: a PUT is answered once the
    server has written and verified the whole body. ``attempts`` are those of a request that can be repeated freely; a
    PUT is tried once, because its caller must check before it repeats.
    """

    connect_s: float = 3.0
    read_s: float = 15.0
    attempts: int = 3
    probe_attempts: int = 2


DELIVERING = RequestPolicy()
"""For requests that should succeed if possible."""

PROBING = RequestPolicy(connect_s=2.0, read_s=8.0, attempts=1, probe_attempts=1)
"""For the sentinel, whose run must end before the next one, and which must notice every failure.

A request takes 13 s at most: 2 s for TCP, 2 s for TLS, 1 s in which botocore waits for ``100 Continue``, 8 s of
silence."""


class S3Destination:
    """`windrow.ports.Destination` on one bucket.

    ``endpoint`` is ``https://host[:port]`` (TLS 1.2 or newer; if the secret has a private CA, only that CA is trusted).
    The client is built at the first request, and again when the secret's content changes. ``pace`` limits the rate of
    all uploads; ``object_lock`` applies to archives.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        region: str,
        secrets: Secrets,
        clock: Clock,
        policy: RequestPolicy = DELIVERING,
        *,
        pace: Pace | None = None,
        object_lock: ObjectLock | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._bucket = bucket
        self._region = region
        self._secrets = secrets
        self._clock = clock
        self._policy = policy
        self._pace = pace.send if pace else None
        self._object_lock = object_lock
        self._lock = Lock()
        self._session: boto3.session.Session | None = None
        self._built: tuple[Credentials, S3Client] | None = None

    def probe(self) -> None:
        """Send a signed HEAD of the bucket; see the port's contract."""
        try:
            self._read(lambda s3: s3.head_bucket(Bucket=self._bucket), "HEAD bucket", self._policy.probe_attempts)
        except DestinationError as error:
            if status(error) != 404:  # noqa: PLR2004 - Not Found
                raise
            # The answer to a HEAD has no body; that to a list says whether the bucket (or, with versitygw, the access
            # key) does not exist.
            self._read(
                lambda s3: s3.list_objects_v2(Bucket=self._bucket, MaxKeys=1),
                "LIST bucket",
                self._policy.probe_attempts,
            )

    def put(
        self,
        key: str,
        chunks: Sequence[Buffer],
        sha256: bytes,
        metadata: Mapping[str, str],
        content_type: str = CONTENT_TYPE,
    ) -> bool:
        """Store the chunks as one object if the key does not exist; see the port's contract."""
        try:
            locked = self._object_lock.headers(key, self._clock.now()) if self._object_lock else {}
            self._put(key, chunks, sha256, metadata, {"Content-Type": content_type, "If-None-Match": "*", **locked})
        except DestinationError as error:
            if status(error) == 412:  # noqa: PLR2004 - Precondition Failed
                return False
            raise
        return True

    def overwrite(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> None:
        """Store the chunks as one object, whatever is there; see the port's contract."""
        self._put(key, chunks, sha256, metadata, {"Content-Type": CONTENT_TYPE})

    def _put(
        self,
        key: str,
        chunks: Sequence[Buffer],
        sha256: bytes,
        metadata: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> None:
        body = ChunksBody(chunks, sha256)
        described = {**headers, **{f"X-Amz-Meta-{name}": value for name, value in metadata.items()}}

        def request(s3: S3Client) -> None:
            put_object(s3, self._bucket, key, body, described, self._pace)

        self._once(request, f"PUT {key}", lambda: body.exhausted)

    def head(self, key: str) -> Stored | None:
        """Return what the server holds under the key; see the port's contract."""
        try:
            return self._read(
                lambda s3: _stored(s3.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")), f"HEAD {key}"
            )
        except DestinationError as error:
            if status(error) != 404:  # noqa: PLR2004 - Not Found
                raise
            # The answer to a HEAD does not show whether the bucket or the object is missing.
            self.probe()
            return None

    def locked_until(self, key: str) -> datetime | None:
        """Return until when an object is locked, None if it is not or the server does not say."""

        def request(s3: S3Client) -> datetime | None:
            return answers.read(s3.head_object(Bucket=self._bucket, Key=key), LockedHead).object_lock_retain_until_date

        return self._read(request, f"HEAD {key}")

    def read(self, key: str, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``; see the port's contract."""
        if length <= 0:
            return b""

        def request(s3: S3Client) -> bytes:
            span = f"bytes={start}-{start + length - 1}"
            answer = s3.get_object(Bucket=self._bucket, Key=key, Range=span)
            # Checked before the body is read: a login page, or the whole object, may have any size.
            sent = answers.read(answer, Range)
            if sent.content_length > length or not sent.content_range.startswith(f"bytes {start}-"):
                raise UnreadableAnswer(detail=f"{sent.content_length} bytes of range {sent.content_range[:80]!r} came")
            return answer["Body"].read()

        try:
            return self._read(request, f"GET {key}")
        except DestinationError as error:
            if status(error) == 416:  # noqa: PLR2004 - Range Not Satisfiable: it starts after the end
                return b""
            raise

    def delete(self, key: str) -> None:
        """Delete the object for good; see the port's contract."""
        stored = self.head(key)
        if stored is None:
            return
        # Without the version id, a versioned bucket would keep the object and add a delete marker.
        version: dict[str, Any] = {"VersionId": stored.version_id} if stored.version_id else {}
        self._read(lambda s3: s3.delete_object(Bucket=self._bucket, Key=key, **version), f"DELETE {key}")

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size) of every object under the prefix in key order."""
        return ((entry.key, entry.size) for entry in self._listed(prefix))

    def list_times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Yield (key, when it was stored) of every object under the prefix in key order, page by page."""
        return ((entry.key, entry.last_modified) for entry in self._listed(prefix))

    def _listed(self, prefix: str) -> Iterator[Entry]:
        after: dict[str, Any] = {}

        def request(s3: S3Client) -> Page:
            page = answers.read(s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **after), Page)
            if page.is_truncated and page.next_continuation_token in ("", after.get("ContinuationToken")):
                raise UnreadableAnswer(detail="a truncated listing has no new continuation token")
            return page

        while True:
            page = self._read(request, f"LIST {prefix}")
            yield from page.contents
            if not page.is_truncated:
                return
            after = {"ContinuationToken": page.next_continuation_token}

    def _read(self, request: Callable[[S3Client], T], what: str, attempts: int | None = None) -> T:
        """Make a request that may be repeated freely."""

        def retryable(error: Exception) -> bool:
            if not isinstance(error, DestinationError) or error.kind not in READ_AGAIN:
                return False
            _log.info("request to the destination repeated", extra={"request": what, "kind": error.kind})
            return True

        policy = RetryPolicy(attempts or self._policy.attempts, PAUSE_S)
        return policy.call(partial(self._once, request, what), retryable, self._clock.sleep)

    def _once(self, request: Callable[[S3Client], T], what: str, was_sent: Callable[[], bool] = lambda: False) -> T:
        """Make one request; if the credentials are refused, read them again and repeat it once."""
        try:
            return self._attempt(request, what, was_sent, self._fetch(self._secrets.credentials))
        except DestinationError as error:
            if error.kind is not DestinationFault.CREDENTIALS or isinstance(error.__cause__, SecretError):
                raise
            _log.warning("destination refused the credentials; reading them again", extra={"request": what})
        return self._attempt(request, what, was_sent, self._fetch(self._secrets.refresh))

    def _attempt(
        self, request: Callable[[S3Client], T], what: str, was_sent: Callable[[], bool], credentials: Credentials
    ) -> T:
        try:
            return request(self._client(credentials))
        except _FAILURES as error:
            where = f"{self._endpoint}, bucket {self._bucket},"
            # No variable for the error: through its traceback it would refer to itself and keep the connection.
            raise to_destination_error(error, what, sent=was_sent()).at(where) from error

    def _fetch(self, read: Callable[[], Credentials]) -> Credentials:
        try:
            return read()
        except SecretError as error:
            raise DestinationError(f"no credentials: {error}", DestinationFault.CREDENTIALS) from error

    def _client(self, credentials: Credentials) -> S3Client:
        """Return the client for these credentials, built once."""
        with self._lock:
            if self._built is None or self._built[0] != credentials:
                self._built = credentials, self._build(credentials)
            return self._built[1]

    def _build(self, credentials: Credentials) -> S3Client:
        http = StrictHttp(
            context_for(credentials.ca_pem),
            self._endpoint,
            timeout=(self._policy.connect_s, self._policy.read_s),
            connections=CONNECTIONS,
        )
        if self._session is None:
            self._session = aws.session_apart()
        config = Config(
            signature_version="s3v4",
            s3=aws.PATH_STYLE,
            # S3 servers other than AWS's may not support the CRC checksums that boto3 sends by default.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"mode": "standard", "total_max_attempts": 1},
            use_fips_endpoint=False,
            use_dualstack_endpoint=False,
            defaults_mode="legacy",  # type: ignore[arg-type]  # the stubs declare it as a bool
        )
        client: Any = self._session.client(
            "s3",
            endpoint_url=self._endpoint,
            region_name=self._region,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.session_token,
            config=config,
        )
        client._endpoint.http_session = http  # noqa: SLF001 - botocore has no public access to it
        return cast("S3Client", client)


def status(error: DestinationError) -> int:
    """Return the HTTP status behind an error, 0 if there was none."""
    return answers.status(error.__cause__)


def _stored(answer: object) -> Stored:
    head = answers.read(answer, Head)
    # For an object uploaded in parts, it is the digest of the parts' digests, followed by a dash and their number.
    whole = head.checksum and "-" not in head.checksum
    return Stored(
        size=head.content_length,
        etag=answers.etag(head.etag),
        metadata={name.lower(): value for name, value in head.metadata.items()},
        checksum_sha256=_hex(head.checksum) if whole else None,
        last_modified=head.last_modified,
        version_id=head.version_id or None,
    )


def _hex(checksum: str) -> str:
    try:
        digest = base64.b64decode(checksum, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != SHA256_BYTES:
        raise UnreadableAnswer(detail=f"{checksum[:80]!r} is not a SHA-256 in base64")
    return digest.hex()
