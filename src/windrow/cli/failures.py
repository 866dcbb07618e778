"""Turns the errors of libraries and the system into errors that a person can act on."""

from __future__ import annotations

from windrow.cli.output import how_to_get
from windrow.core import faults
from windrow.core.errors import DestinationError, FailedDestination, UnforeseenError, WindrowError, WrongUse


def explained(error: Exception) -> WindrowError:
    """Return the error to show for anything that ended a command."""
    if isinstance(error, DestinationError):
        return FailedDestination(faults.explained(error))
    if isinstance(error, WindrowError):
        return error
    if isinstance(error, ModuleNotFoundError) and (how := how_to_get(error.name or "")):
        return WrongUse(how)
    if isinstance(error, OSError):
        return UnforeseenError(_system(error))
    text = f": {error}" if str(error) else ""
    return UnforeseenError(f"{type(error).__name__}{text} (windrow --debug COMMAND shows where)")


def _system(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {what}" if error.filename is not None else what
