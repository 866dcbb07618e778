"""Describes untrusted text in a limited number of printable characters."""

from __future__ import annotations

import msgspec

from windrow.core.printable import printable

SHOWN_CHARS = 40
"""Most characters shown of one text."""

SHOWN_FIELDS = 8
"""Most field names shown of one object."""

_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a string", type(None): "null"}


def shown(text: str, limit: int = SHOWN_CHARS) -> str:
    """Return the beginning of an untrusted text in quotes, escaped as in Python, so that no terminal acts on it."""
    return printable(repr(text[:limit])) + ("..." if len(text) > limit else "")


def shape(text: str | msgspec.Raw) -> str:
    """Return what a text that should be JSON holds: an object's field names, or what else it is."""
    try:
        names = list(_fields_of(text))
    except RecursionError:
        return "JSON that is nested too deeply"
    except (msgspec.DecodeError, UnicodeError):
        return _other(text)
    if not names:
        return "an empty object"
    rest = f" and {len(names) - SHOWN_FIELDS} more" if len(names) > SHOWN_FIELDS else ""
    return f"an object with {', '.join(shown(name) for name in names[:SHOWN_FIELDS])}{rest}"


def _other(text: str | msgspec.Raw) -> str:
    try:
        value = msgspec.json.decode(text)
    except RecursionError:
        return "JSON that is nested too deeply"
    except (msgspec.DecodeError, UnicodeError):
        plain = text if isinstance(text, str) else bytes(text).decode(errors="replace")
        return f"not JSON, it begins with {shown(plain)}" if plain.strip() else "empty"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return _KINDS[type(value)]
