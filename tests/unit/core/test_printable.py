"""Text of others never reaches a reader as anything but text."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.printable import printable, printable_json

ANY = st.text(st.characters(codec=None, exclude_categories=[]))
"""Lone surrogates too: arguments and file names that are no UTF-8 have them."""
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026/year end (1).json", "2026/year end (1).json"),
        ("Müller/日本/😀", "Müller/日本/😀"),
        (r"[b]C:\n", r"[b]C:\n"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m\x7f\x00", r"\x9b31m\x7f\x00"),
        ("a\nerror: none\r\t", r"a\nerror: none\r\t"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\u200bb\u2066\ufeff\u00ad", r"a\u200bb\u2066\ufeff\xad"),
        ("a\u2028b\u00a0c\u3000", r"a\u2028b\xa0c\u3000"),
        ("a\u3164\ufe0f\U000e0101\U000e0041", r"a\u3164\ufe0f\U000e0101\U000e0041"),
        ("caf\udce9", r"caf\udce9"),
        ("\ue000\uffff", r"\ue000\uffff"),
        ("", ""),
    ],
)
def test_each_character_can_be_seen(text: str, expected: str) -> None:
    """Controls, line ends, bidirectional marks and what has no width are escaped; letters of all scripts stay."""
    assert expected == printable(text)


@pytest.mark.parametrize(
    ("encoding", "expected"), [("ascii", r"M\xfc \u20ac \U0001f600"), ("latin-1", r"Mü \u20ac \U0001f600")]
)
def test_what_the_stream_can_not_say_is_escaped(encoding: str, expected: str) -> None:
    """A terminal of another encoding shows the character's number."""
    assert expected == printable("Mü € 😀", encoding)


@given(ANY, st.sampled_from(["utf-8", "ascii", "latin-1", "cp1252", "utf-16"]))
def test_whatever_it_is_it_becomes_one_harmless_line(text: str, encoding: str) -> None:
    """Nothing unseen is left, the stream can take it, and to show it twice changes nothing."""
    shown = printable(text, encoding)

    assert [] == [char for char in shown if unicodedata.category(char) in UNSEEN]
    assert len(shown.splitlines()) <= 1
    assert shown == shown.encode(encoding).decode(encoding) == printable(shown, encoding)


@given(st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner)), st.booleans())
def test_json_means_the_same(value: object, ascii_only: bool) -> None:
    """A machine reads what it would have read, and a terminal that shows the line is not moved."""
    text = printable_json(json.dumps(value, ensure_ascii=False), ascii_only=ascii_only)

    assert value == json.loads(text)
    assert [] == [char for char in text if unicodedata.category(char) in UNSEEN]
    assert text.isascii() or not ascii_only


def test_json_keeps_its_lines() -> None:
    """Line ends between values are JSON's own, as where a log is indented for reading."""
    text = json.dumps({"key": "a\nb\u202e"}, indent=4, ensure_ascii=False)
    assert '{\n    "key": "a\\nb\\u202e"\n}' == printable_json(text)
