"""Reads landing buckets: with obstore for speed (0.33 ms of CPU a file, boto3 1.9), with boto3 where obstore can't."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

import obstore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from obstore.exceptions import BaseError
from obstore.store import S3Store
from urllib3.exceptions import HTTPError

from windrow.clients import aws
from windrow.clients.s3.landing_faults import meaning_of, name_of
from windrow.core.described import Described, described
from windrow.core.endpoints import is_loopback
from windrow.core.errors import LandingError, ObjectMissing, Permanent, SourceChecksumWrong
from windrow.core.events import SourceObject
from windrow.core.shapes import shown
from windrow.ports import Body

if TYPE_CHECKING:
    import boto3.session
    from botocore.credentials import Credentials
    from mypy_boto3_s3 import S3Client
    from obstore import Bytes, GetOptions
    from obstore.store import ClientConfig, S3Credential
    from typing_extensions import Buffer

T = TypeVar("T")

CONNECT_S = 3.0
REQUEST_S = 10.0
"""Timeout of a whole request by obstore, body included."""
OBSTORE_BYTES = 2 * 1024 * 1024
"""Larger reads use boto3, whose timeout is for silence, not for the whole request: on a slow line that all threads of
an on-premises worker share, a read that takes longer than `REQUEST_S` could otherwise never succeed."""
RETRIES = 2
RETRY_S = 4.0
"""No request is repeated later than this after the first attempt, so a timeout is not repeated. A batch's run time is
limited, so its requests must be too (``pipeline/deadline.py`` reserves time for one that hangs)."""

READ_S = 5.0
"""The longest silence in each of boto3's attempts."""
ATTEMPTS = 2

CREDENTIALS_TTL = timedelta(minutes=8)
"""How long obstore may keep credentials. botocore renews temporary ones from 10 minutes before their end."""

_HEADERS = frozenset(
    {"Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Cache-Control", "Storage-Class"}
)
"""Names of headers in obstore's attributes; user metadata are there too, with names in lower case."""

_CHANGED_BY_OBSTORE = re.compile(r"[\x00-\x1f\x7f]|^/|/$|//|(?:^|/)\.\.?(?:/|$)")


def round_trips(key: str) -> bool:
    """Return whether obstore requests exactly this key.

    It removes a leading and a trailing slash (and so would read another object), and refuses ASCII control characters
    and empty, ``.`` and ``..`` parts.
    """
    return _CHANGED_BY_OBSTORE.search(key) is None


class S3Landing:
    """`windrow.ports.Landing` on S3, with the credentials, region and endpoint of a boto3 session.

    An object of up to 2 MiB is read with obstore. If that fails quickly, it is read once more with boto3, which exposes
    S3's error codes, and accepts answers that obstore refuses (with metadata that are not ASCII).
    """

    def __init__(self, session: boto3.session.Session) -> None:
        self._session = session
        self._stores: dict[str, S3Store] = {}
        self._lock = Lock()

    def get(self, source: SourceObject) -> Body:
        """Return the exact version that the event named; see the port's contract."""
        data, described = self._read(source, None)
        if len(data) != source.size:
            raise self._wrong_size(source, len(data))
        return Body(data, described)

    @contextmanager
    def stream(self, source: SourceObject, chunk_bytes: int) -> Iterator[tuple[Described, Iterator[Buffer]]]:
        """Open the object for reading in pieces; see the port's contract.

        Each piece is a separate range request with its own timeout, so a large object needs no long timeout.
        """
        if source.size <= chunk_bytes:
            body = self.get(source)
            yield body.described, iter([body.data] if source.size else [])
            return
        first, described = self._read(source, (0, chunk_bytes))
        yield described, self._pieces(source, chunk_bytes, first)

    def _pieces(self, source: SourceObject, chunk_bytes: int, first: Bytes | bytes) -> Iterator[Buffer]:
        piece = first
        for start in range(0, source.size, chunk_bytes):
            end = min(start + chunk_bytes, source.size)
            if start:
                piece, _ = self._read(source, (start, end))
            if len(piece) != end - start:
                raise LandingError(
                    f"{name_of(source)}: {len(piece)} bytes came from {start}, {end - start} were requested"
                )
            yield piece

    def _read(self, source: SourceObject, span: tuple[int, int] | None) -> tuple[Bytes | bytes, Described]:
        """Return the bytes (a sized buffer) of the whole or a span, and the uploader's description.

        An object whose size differs from its event's is not read.
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
                raise LandingError(f"{name_of(source)} was not served in {took_s:.1f} s") from error
            return self._read_by_boto3(source, span)
        return data, _described_by(result.attributes)

    def _read_by_boto3(self, source: SourceObject, span: tuple[int, int] | None) -> tuple[bytes, Described]:
        wanted: dict[str, Any] = {} if span is None else {"Range": f"bytes={span[0]}-{span[1] - 1}"}

        def get(version: dict[str, Any]) -> tuple[bytes, Described]:
            answer = self._client.get_object(Bucket=source.bucket, Key=source.key, **version, **wanted)
            with closing(answer["Body"]) as body:
                self._check_size(source, _whole_size(source, answer))
                # A server may return the whole object; MiniStack does if a version is named.
                skipped = span[0] if span is not None and not answer.get("ContentRange") else 0
                data = body.read(None if span is None else skipped + span[1] - span[0])[skipped:]
            return data, described(answer.get("ContentType", ""), answer.get("Metadata", {}))

        return self._request(source, get)

    def _check_size(self, source: SourceObject, held: int) -> None:
        if held != source.size:
            raise self._wrong_size(source, held)

    def _wrong_size(self, source: SourceObject, came: int) -> LandingError | Permanent:
        """Return the error for a size that differs from the event's, after a HEAD."""

        def head(version: dict[str, Any]) -> int:
            return _whole_size(source, self._client.head_object(Bucket=source.bucket, Key=source.key, **version))

        try:
            held = self._request(source, head)
        except (LandingError, Permanent) as error:
            return error
        if held == source.size:
            return LandingError(f"{name_of(source)}: {came} of {held} bytes came")
        return SourceChecksumWrong(f"{name_of(source)} has {held} bytes, its event says {source.size}")

    def _request(self, source: SourceObject, request: Callable[[dict[str, Any]], T]) -> T:
        """Return the result of a request for the event's version.

        An object without a version id may have been stored before versioning was enabled. Then its version id is
        ``null``, which is needed once there is a newer version or a delete marker.
        """
        if source.version_id:
            return _made(source, request, {"VersionId": source.version_id})
        etag = {"IfMatch": f'"{source.etag}"'}
        try:
            return _made(source, request, etag)
        except ObjectMissing:
            return _made(source, request, etag | {"VersionId": "null"})

    def _store(self, bucket: str) -> S3Store:
        store = self._stores.get(bucket)
        if store is None:
            with self._lock:
                store = self._stores.get(bucket) or self._build(bucket)
                self._stores[bucket] = store
        return store

    def _build(self, bucket: str) -> S3Store:
        try:
            credentials = self._session.get_credentials()
        except BotoCoreError as error:
            raise _without_credentials(bucket) from error
        if credentials is None:
            raise _without_credentials(bucket)
        endpoint = self._client.meta.endpoint_url
        return S3Store(
            bucket,
            endpoint=endpoint,
            region=self._client.meta.region_name,
            virtual_hosted_style_request=False,
            client_options={
                **_direct(endpoint),
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": timedelta(seconds=REQUEST_S),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)},
            credential_provider=partial(_frozen, credentials),
        )

    @cached_property
    def _client(self) -> S3Client:
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            s3=aws.PATH_STYLE,
        )
        return self._session.client("s3", config=config)


def _without_credentials(bucket: str) -> LandingError:
    return LandingError(f"there are no AWS credentials to read bucket {bucket!r}")


def _frozen(credentials: Credentials) -> S3Credential:
    """Return credentials as obstore wants them, renewed if necessary."""
    keys = credentials.get_frozen_credentials()
    return {
        "access_key_id": cast("str", keys.access_key),
        "secret_access_key": cast("str", keys.secret_key),
        "token": keys.token,
        "expires_at": datetime.now(UTC) + CREDENTIALS_TTL,
    }


def _direct(endpoint: str) -> ClientConfig:
    """Return options that keep obstore from using a proxy for an endpoint on this machine.

    It has no option for that, so it gets a proxy and an exclusion of the endpoint from it.
    """
    return {"proxy_url": endpoint, "proxy_excludes": urlsplit(endpoint).hostname or ""} if is_loopback(endpoint) else {}


def _made(source: SourceObject, request: Callable[[dict[str, Any]], T], version: dict[str, Any]) -> T:
    """Make a request for one version; translate S3's errors, and those of an answer that is not as documented."""
    try:
        return request(version)
    except (ClientError, BotoCoreError, HTTPError, OSError) as error:  # the last two: while a body is read
        raise meaning_of(source, error, version) from error
    except (
        ResponseParserError,
        KeyError,
        RecursionError,
        ValueError,
    ) as error:
        raise LandingError(f"{name_of(source)}: S3's answer can't be read: {type(error).__name__} {error}") from error


def _described_by(attributes: Mapping[str, str]) -> Described:
    """Return an uploader's description from obstore's attributes: headers, and user metadata in lower case."""
    metadata = {name: value for name, value in attributes.items() if name not in _HEADERS}
    return described(attributes.get("Content-Type", ""), metadata)


def _whole_size(source: SourceObject, answer: Mapping[str, Any]) -> int:
    """Return the whole object's size from the answer to a GET or HEAD. Raises `LandingError` if it is not S3's."""
    if "ETag" not in answer:
        raise LandingError(f"{name_of(source)}: an answer without an ETag came, which is not S3's")
    content_range = answer.get("ContentRange")
    if not content_range:
        return int(answer["ContentLength"])
    size = content_range.rpartition("/")[2]
    if not (size.isascii() and size.isdigit()):
        raise LandingError(f"{name_of(source)}: S3 answered with the range {shown(content_range)}")
    return int(size)
