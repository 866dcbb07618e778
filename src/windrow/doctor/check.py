"""The result of one check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from windrow.core.errors import WindrowError

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"})


class State(StrEnum):
    """The result of a check. ``warn``: it works, but not as it should, or could not be checked."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True):
    """The result of one check, with a detail, and advice if there is something to do."""

    name: str
    state: State
    detail: str
    advice: str = ""


def ok(name: str, detail: str) -> Check:
    """Return a check that passed."""
    return Check(name, State.OK, detail)


def warn(name: str, detail: str, advice: str) -> Check:
    """Return a check that found a weakness."""
    return Check(name, State.WARN, detail, advice)


def fail(name: str, detail: str, advice: str) -> Check:
    """Return a check that found a fault."""
    return Check(name, State.FAIL, detail, advice)


def failed(checks: Iterable[Check]) -> bool:
    """Return whether any check failed."""
    return any(check.state is State.FAIL for check in checks)


def guarded(name: str, run: Callable[[], Iterator[Check]], advice: str) -> Iterator[Check]:
    """Yield the checks of ``run``; its errors become failed checks.

    A request that this identity may not make is a warning: the aggregator's own role may be allowed to.
    """
    try:
        yield from run()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code in _DENIED:
            action = f"{error.operation_name} is not allowed to this identity"
            yield warn(name, f"could not be checked: {action}", "Use an identity that may, or check it by hand.")
        else:
            yield fail(name, f"{error.operation_name} answered {code}", advice)
    except (BotoCoreError, WindrowError) as error:
        yield fail(name, str(error), advice)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        yield fail(name, f"the answer is not as documented ({type(error).__name__}: {error})", advice)
