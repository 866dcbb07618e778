"""Escapes untrusted text for display.

Keys, metadata, messages of servers and file names are chosen by others. Written to a terminal unescaped, they may move
its cursor, set its title, type for the user, look like another line of output, or be shown in another order. All such
text is displayed through this module.
"""

from __future__ import annotations

import re

_IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Invisible characters that Python calls printable: those of Default_Ignorable_Code_Point that are not of category Cf.

https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
"""


def printable(text: str, encoding: str = "utf-8") -> str:
    r"""Return ``text`` as one line that shows each character, with escapes as in Python's strings (``\x1b``, ``\n``).

    Escaped are controls (C0, C1, DEL), line ends, spaces other than U+0020, bidirectional and other format characters,
    characters without width, lone surrogates, unassigned code points, and what ``encoding`` cannot encode. A backslash
    stays as it is.
    """
    if not _is_plain(text):
        text = "".join(
            char if _is_plain(char) else char.encode("unicode_escape", "surrogatepass").decode() for char in text
        )
    return text.encode(encoding, "backslashreplace").decode(encoding)


def printable_json(text: str, *, ascii_only: bool = False) -> str:
    r"""Return JSON with the same meaning in which all that `printable` escapes is written as ``\uXXXX``.

    Line ends stay: in JSON they occur between values only. ``ascii_only`` is for a stream that is not UTF-8.
    """
    if _is_plain(text) and (text.isascii() or not ascii_only):
        return text
    return "".join(
        char if char == "\n" or (_is_plain(char) and (char.isascii() or not ascii_only)) else _json_escape(char)
        for char in text
    )


def _is_plain(text: str) -> bool:
    return text.isprintable() and not _IGNORABLE.search(text)


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[start : start + 2].hex()}" for start in range(0, len(units), 2))
