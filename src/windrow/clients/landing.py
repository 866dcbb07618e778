"""Landing buckets: obstore for speed (0.33 ms CPU a file, boto3 1.9), boto3 for what obstore can't do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import obstore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError
from obstore.store import S3Store
from urllib3.exceptions import HTTPError

from windrow.core.errors import LandingError, ObjectArchived, ObjectMissing, Permanent, SourceChecksumWrong
from windrow.core.events import SourceObject
from windrow.ports import Body

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_s3 import S3Client
    from obstore import Bytes, GetOptions
    from typing_extensions import Buffer

CONNECT_S = 3.0
REQUEST_S = 10.0
"""One request by obstore in full, body included."""
OBSTORE_BYTES = 2 * 1024 * 1024
"""What is longer is asked for with boto3, which bounds the silence and not the whole: a worker on premises may share a
slow line among its threads, and what can't come within `REQUEST_S` once could never be delivered."""
RETRIES = 2
RETRY_S = 4.0
"""Nothing is asked again later than this after the first attempt, by obstore or by boto3: a time-out is not repeated. A
batch's run time is bounded, so must its requests be (``steps/budget.py`` keeps time for one that hangs)."""

READ_S = 5.0
"""The longest silence that boto3 bears, in each of its attempts."""
ATTEMPTS = 2

CREDENTIALS_TTL = timedelta(minutes=8)
"""How long obstore may keep credentials. botocore renews temporary ones from 10 minutes before their end."""

SHA256_METADATA = "sha256"
"""Uploaders may declare a file's SHA-256 (hex) as ``x-amz-meta-sha256``."""

_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "PreconditionFailed", "404", "405", "412"})
"""S3 answers MethodNotAllowed where the version is a delete marker, PreconditionFailed where the ETag has changed."""

_CHANGED_BY_OBSTORE = re.compile(r"[\x00-\x1f\x7f]|^/|/$|//|(?:^|/)\.\.?(?:/|$)")


def round_trips(key: str) -> bool:
    """Tell whether obstore asks S3 for exactly this key.

    It drops a leading and a trailing slash (and so would read another object), and refuses ASCII control characters
    and empty, ``.`` and ``..`` parts.
    """
    return _CHANGED_BY_OBSTORE.search(key) is None


class S3Landing:
    """`windrow.ports.Landing` on S3, with the credentials, region and endpoint of a boto3 session.

    An object of up to 2 MiB is asked for with obstore. Whatever goes wrong there at once is asked once more with boto3,
    which tells S3's error codes apart, and reads answers that obstore refuses (metadata that is no ASCII).
    """

    def __init__(self, session: boto3.session.Session) -> None:
        self._session = session
        self._stores: dict[str, S3Store] = {}
        self._lock = Lock()

    def get(self, source: SourceObject) -> Body:
        """Return the exact version that the event named; see the port's contract."""
        data, declared = self._read(source, None)
        if len(data) != source.size:
            raise self._wrong_size(source, len(data))
        return Body(data, declared)

    @contextmanager
    def stream(self, source: SourceObject, chunk_bytes: int) -> Iterator[tuple[str | None, Iterator[Buffer]]]:
        """Open the object for reading in pieces; see the port's contract.

        Each piece is a range request of its own with its own time-out, so a large object needs no large time-out.
        """
        if source.size <= chunk_bytes:
            body = self.get(source)
            yield body.declared_sha256, iter([body.data] if source.size else [])
            return
        first, declared = self._read(source, (0, chunk_bytes))
        yield declared, self._pieces(source, chunk_bytes, first)

    def _pieces(self, source: SourceObject, chunk_bytes: int, first: Bytes | bytes) -> Iterator[Buffer]:
        piece = first
        for start in range(0, source.size, chunk_bytes):
            end = min(start + chunk_bytes, source.size)
            if start:
                piece, _ = self._read(source, (start, end))
            if len(piece) != end - start:
                raise LandingError(
                    f"{_name(source)}: {len(piece)} bytes came from {start}, {end - start} were asked for"
                )
            yield piece

    def _read(self, source: SourceObject, span: tuple[int, int] | None) -> tuple[Bytes | bytes, str | None]:
        """Return the bytes (a sized buffer) of the whole or a span, and the declared SHA-256.

        An object that is not as large as its event says is not read, however large it is.
        """
        length = source.size if span is None else span[1] - span[0]
        if length > OBSTORE_BYTES or not round_trips(source.key):
            return self._read_by_boto3(source, span)
        options: GetOptions = {"version": source.version_id} if source.version_id else {"if_match": f'"{source.etag}"'}
        if span is not None:
            options["range"] = span
        started = time.monotonic()
        try:
            result = obstore.get(self._store(source.bucket), source.key, options=options)
            self._check_size(source, result.meta["size"])
            data = result.bytes()
        except (BaseError, OSError, ValueError) as error:
            took_s = time.monotonic() - started
            if took_s > RETRY_S:
                raise LandingError(f"{_name(source)} was not served in {took_s:.1f} s") from error
            return self._read_by_boto3(source, span)
        declared = result.attributes.get(SHA256_METADATA)
        return data, declared.lower() if declared else None

    def _read_by_boto3(self, source: SourceObject, span: tuple[int, int] | None) -> tuple[bytes, str | None]:
        wanted: dict[str, Any] = _version(source)
        if span is not None:
            wanted["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        try:
            answer = self._client.get_object(Bucket=source.bucket, Key=source.key, **wanted)
            content_range = answer.get("ContentRange", "")
            self._check_size(
                source, int(content_range.rpartition("/")[2] if content_range else answer["ContentLength"])
            )
            # A server may answer with the whole object; MiniStack does where a version is named.
            skipped = span[0] if span is not None and not content_range else 0
            data = answer["Body"].read(None if span is None else skipped + span[1] - span[0])[skipped:]
        except (ClientError, BotoCoreError, HTTPError, OSError) as error:  # the last two: as they come amid a body
            raise _meaning(source, error) from error
        declared = answer["Metadata"].get(SHA256_METADATA)
        return data, declared.lower() if declared else None

    def _check_size(self, source: SourceObject, held: int) -> None:
        if held != source.size:
            raise self._wrong_size(source, held)

    def _wrong_size(self, source: SourceObject, came: int) -> LandingError | Permanent:
        """Return the error for a size that is not the event's, after asking S3 what it holds."""
        try:
            held = self._client.head_object(Bucket=source.bucket, Key=source.key, **_version(source))["ContentLength"]
        except (ClientError, BotoCoreError) as error:
            return _meaning(source, error)
        if held == source.size:
            return LandingError(f"{_name(source)}: {came} of {held} bytes came")
        return SourceChecksumWrong(f"{_name(source)} has {held} bytes, its event says {source.size}")

    def _store(self, bucket: str) -> S3Store:
        store = self._stores.get(bucket)
        if store is None:
            with self._lock:
                store = self._stores.get(bucket) or self._build(bucket)
                self._stores[bucket] = store
        return store

    def _build(self, bucket: str) -> S3Store:
        try:
            credentials = Boto3CredentialProvider(self._session, ttl=CREDENTIALS_TTL)
        except (BotoCoreError, ValueError) as error:
            raise LandingError(f"there are no AWS credentials to read bucket {bucket!r} with") from error
        endpoint = self._client.meta.endpoint_url
        return S3Store(
            bucket,
            endpoint=endpoint,
            region=self._client.meta.region_name,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": timedelta(seconds=REQUEST_S),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)},
            credential_provider=credentials,
        )

    @cached_property
    def _client(self) -> S3Client:
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            s3={"addressing_style": "path"},
        )
        return self._session.client("s3", config=config)


def _version(source: SourceObject) -> dict[str, Any]:
    return {"VersionId": source.version_id} if source.version_id else {"IfMatch": f'"{source.etag}"'}


def _name(source: SourceObject) -> str:
    return f"{source.bucket}/{source.key!r}"


def _meaning(source: SourceObject, error: Exception) -> LandingError | Permanent:
    """Return what an S3 error means for an object."""
    if not isinstance(error, ClientError):
        return LandingError(f"{_name(source)} was not served: {error}")
    code = error.response.get("Error", {}).get("Code", "unknown")
    if code == "InvalidObjectState":
        return ObjectArchived(f"{_name(source)} must be restored from its archive storage class first")
    if code in _GONE or (code == "InvalidArgument" and source.version_id):
        version = f"version {source.version_id}" if source.version_id else f"ETag {source.etag}"
        return ObjectMissing(f"{_name(source)} {version} is not there any more ({code})")
    return LandingError(f"{_name(source)} was not served: {code}")
