"""What foreign text looks like, in few printable characters."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.shapes import shape, shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("true", "a boolean"),
        ("17", "a number"),
        ("1.5", "a number"),
        ('"x"', "a string"),
        ("null", "null"),
        ("[]", "a list of 0"),
        ("[1, [2, 3]]", "a list of 2"),
        ("{}", "an empty object"),
        ('{"b": 1, "a": 2}', "an object with 'b', 'a'"),
        (json.dumps(dict.fromkeys("abcdefgh")), "an object with 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'"),
        (json.dumps(dict.fromkeys("abcdefghi")), "an object with 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 1 more"),
        ("{" + "x" * 40, f"not JSON, it begins with '{{{'x' * 39}'..."),
        ("[" * 100_000, "JSON that is nested too deeply"),
        ('{"a": ' * 100_000, "JSON that is nested too deeply"),
        ("\ud800", r"not JSON, it begins with '\ud800'"),
    ],
)
def test_a_shape_is_said_in_words(text: str, said: str) -> None:
    """Enough to find out who sends it, nothing that its sender chose but names."""
    assert said == shape(text)


def test_a_raw_piece_of_json_has_a_shape_too() -> None:
    """A record of a message is looked at without being decoded."""
    assert "an object with 'a'" == shape(msgspec.Raw(b'{"a": 1}'))
    assert "not JSON, it begins with '\ufffd'" == shape(msgspec.Raw(b"\xff"))


@given(st.text())
def test_a_shape_is_short_and_printable_whatever_it_is_of(text: str) -> None:
    """It goes to logs, dead letters and terminals."""
    said = [shape(text), shape(json.dumps({text * 100: 1})), shown(text)]

    assert [True] * 3 == [each.isprintable() and len(each) <= 600 for each in said]


def test_what_is_shown_is_cut_behind_the_limit() -> None:
    """Forty characters, and dots where there are more."""
    assert ["'" + "a" * 40 + "'", "'" + "a" * 40 + "'...", "'ab'..."] == [
        shown("a" * 40),
        shown("a" * 41),
        shown("abc", 2),
    ]
