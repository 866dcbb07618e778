"""How the answers to boto3's clients are read: as they are documented, or not at all.

An answer that is not as documented is an error of that request. botocore raises whatever its parser stumbles over, and
leaves out what an answer lacks; here both become an `UnreadableAnswer`, which is handled wherever a botocore error is.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.session
import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from windrow.core.errors import WindrowError

REFUSED_STATUS = 300
"""From this HTTP status on botocore takes an answer for an error."""

T = TypeVar("T")


class UnreadableAnswer(BotoCoreError):
    """A server answered that it did what it was asked, and the rest of its answer is not as documented."""

    fmt = "the answer is not as documented: {detail}"


def strict_session() -> botocore.session.Session:
    """Return a session whose clients raise botocore's errors only, whatever is answered."""
    inner = botocore.session.get_session()
    inner.register_component("response_parser_factory", _StrictParsers())
    inner.register("before-call.s3", _follow_no_redirect)  # type: ignore[arg-type]  # takes what the event has
    return inner


def error_of(status_code: int, headers: Mapping[str, str], body: bytes, shape: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what botocore makes of an error in AWS's JSON protocol; ``shape`` is botocore's of the answer."""
    received = {"status_code": status_code, "headers": headers, "body": body}
    parsed: dict[str, Any] = _StrictParsers().create_parser("json").parse(received, shape)
    return parsed


def read(answer: object, kind: type[T]) -> T:
    """Return an answer's fields as the struct ``kind`` declares them. Raises `UnreadableAnswer`."""
    try:
        return msgspec.convert(answer, kind)
    except (msgspec.ValidationError, UnicodeError) as error:  # the latter: half a character, where a number should be
        raise UnreadableAnswer(detail=error) from error


@contextmanager
def failing_as(kind: Callable[[str], WindrowError], what: str) -> Iterator[None]:
    """Raise what botocore raises within the block as a ``kind`` that says ``what`` could not be done."""
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
    """Return an ETag without its quotes, and without the mark that a proxy which changes encodings puts before them."""
    return text.removeprefix("W/").strip('"')


def _follow_no_redirect(params: dict[str, Any], **_event: object) -> None:
    """Have botocore take a redirect for the error it is.

    It would ask for the bucket's region; where that is redirected too, as by a proxy's login page, it asks until
    Python's stack ends, hundreds of times.
    """
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


class _StrictParsers(ResponseParserFactory):
    def create_parser(self, protocol_name: Any) -> Any:  # noqa: ANN401 - the stubs name each protocol
        return _StrictParser(super().create_parser(protocol_name))


class _StrictParser:
    """A parser of botocore's that fails in one way only."""

    def __init__(self, parser: Any) -> None:  # noqa: ANN401 - one of several classes
        self._parser = parser

    def parse(self, response: Mapping[str, Any], shape: Any) -> Any:  # noqa: ANN401 - as botocore has it
        refused = response["status_code"] >= REFUSED_STATUS
        try:
            parsed = self._parser.parse(response, shape)
            parsed.keys()  # JSON that is no object is left to the caller as it is
        except Exception as error:
            # An error's own fields are asked for in a second pass; without them its code is known all the same.
            if refused and shape is not None and shape.metadata.get("exception"):
                return {}
            if refused:
                return _refusal(response)
            raise UnreadableAnswer(detail=f"{type(error).__name__}: {error}") from error
        if refused and "Error" in parsed and not isinstance(parsed["Error"].get("Code"), str):
            return _refusal(response)
        return parsed


def _refusal(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return what botocore makes of an error of which only the status can be read."""
    status_code = response["status_code"]
    return {"Error": {"Code": str(status_code), "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status_code}}
