"""Reads the answers that boto3's clients get: as they are documented, or not at all.

An answer that is not as documented is an error of that request. botocore raises arbitrary errors of its parser, and
returns an incomplete answer without its missing fields; here both become an `UnreadableAnswer`, which is a botocore
error and handled like any other.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.session
import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from botocore.hooks import HierarchicalEmitter
from botocore.parsers import ResponseParserFactory

from windrow.clients import models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from windrow.core.errors import WindrowError

REFUSED_STATUS = 300
"""The lowest HTTP status that botocore treats as an error."""

T = TypeVar("T")


class UnreadableAnswer(BotoCoreError):
    """A server's answer reports success, but is not as documented."""

    fmt = "the answer is not as documented: {detail}"


def strict_session() -> botocore.session.Session:
    """Return a session whose clients raise botocore's errors only, whatever the answer."""
    inner = botocore.session.Session(event_hooks=copy(_handlers()), include_builtin_handlers=False)
    inner.register_component("response_parser_factory", _StrictParsers())
    inner.register_component("data_loader", models.loader())
    return inner


@cache
def _handlers() -> HierarchicalEmitter:
    """Return the handlers of every session's events. Sessions copy them, which is faster than registering them anew."""
    handlers = HierarchicalEmitter()
    first = botocore.session.Session(event_hooks=handlers)
    first.register("before-call.s3", _follow_no_redirect)  # type: ignore[arg-type]  # accepts all that events pass
    return handlers


def error_of(received: Mapping[str, Any], protocol: str, shape: Any) -> Any:  # noqa: ANN401
    """Return a refusal as botocore parses it.

    ``received`` has ``status_code``, ``headers`` and ``body``; ``protocol`` is botocore's name for the service's, and
    ``shape`` its model of the operation's answer.
    """
    return _StrictParsers().create_parser(protocol).parse(received, shape)


def read(answer: object, kind: type[T]) -> T:
    """Return an answer's fields as a struct of type ``kind``. Raises `UnreadableAnswer`."""
    try:
        return msgspec.convert(answer, kind)
    except (msgspec.ValidationError, UnicodeError) as error:  # UnicodeError: a lone surrogate instead of a number
        raise UnreadableAnswer(detail=error) from error


@contextmanager
def failing_as(kind: Callable[[str], WindrowError], what: str) -> Iterator[None]:
    """Turn botocore's errors within the block into a ``kind`` whose message begins with ``what``."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise kind(f"{what}: {error}") from error


def code(error: BaseException | None) -> str:
    """Return the error code of an answer, empty if there was no answer."""
    return str(error.response.get("Error", {}).get("Code", "unknown")) if isinstance(error, ClientError) else ""


def status(error: BaseException | None) -> int:
    """Return the HTTP status of an answer, 0 if there was no answer."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if isinstance(error, ClientError) else 0


def etag(text: str) -> str:
    """Return an ETag without its quotes and without ``W/``, which a proxy that changes encodings adds."""
    return text.removeprefix("W/").strip('"')


def _follow_no_redirect(params: dict[str, Any], **_event: object) -> None:
    """Make botocore treat a redirect as an error.

    By default, it requests the bucket's region. If that is redirected too, as by a proxy's login page, it repeats the
    request hundreds of times, until Python's recursion limit.
    """
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


class _StrictParsers(ResponseParserFactory):
    def create_parser(self, protocol_name: Any) -> Any:  # noqa: ANN401 - the stubs name each protocol
        return _StrictParser(super().create_parser(protocol_name))


class _StrictParser:
    """One of botocore's parsers, all of whose failures become `UnreadableAnswer`."""

    def __init__(self, parser: Any) -> None:  # noqa: ANN401 - one of several classes
        self._parser = parser

    def parse(self, response: Mapping[str, Any], shape: Any) -> Any:  # noqa: ANN401 - as botocore has it
        refused = response["status_code"] >= REFUSED_STATUS
        try:
            parsed = self._parser.parse(response, shape)
            parsed.keys()  # fails for JSON that is not an object, which botocore does not check
        except Exception as error:
            # botocore parses an error's own fields in a second pass; its code is known without them.
            if refused and shape is not None and shape.metadata.get("exception"):
                return {}
            if refused:
                return _refusal(response)
            raise UnreadableAnswer(detail=f"{type(error).__name__}: {error}") from error
        if refused and "Error" in parsed and not isinstance(parsed["Error"].get("Code"), str):
            return _refusal(response)
        return parsed


def _refusal(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the error of an answer of which only the status can be read, as botocore represents it."""
    status_code = response["status_code"]
    return {"Error": {"Code": str(status_code), "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status_code}}
