"""What a secret's value may be, and that no error shows it."""

from __future__ import annotations

import json
import traceback

import pytest

from windrow.clients.secrets.credentials import decode
from windrow.core.errors import SecretError
from windrow.ports import Credentials


def test_white_space_around_the_keys_is_dropped() -> None:
    """A line break comes along with what is pasted."""
    text = json.dumps({"access_key": " access\n", "secret_key": "\tsecret\r\n"})
    assert Credentials("access", "secret") == decode(text, "s")


def test_a_passphrase_may_have_spaces() -> None:
    """It is in no header."""
    assert "correct horse" == decode('{"access_key": "a", "secret_key": "correct horse"}', "s").secret_key


@pytest.mark.parametrize("key", ["hunter2 x", "hunter2\nx", "hunter2\x00", "hunter2\x7fx", "hunter2ä", "hunter2\u200b"])
def test_an_access_key_that_no_header_can_hold_is_an_error_that_does_not_show_it(key: str) -> None:
    """The HTTP client would quote it, with a signature."""
    assert "access_key" in refused({"access_key": key, "secret_key": "hunter2"})


@pytest.mark.parametrize("key", ["hunter2\nx", "hunter2\x00", "hunter2\u200b"])
def test_a_secret_key_with_control_characters_is_an_error_that_does_not_show_it(key: str) -> None:
    """Nobody means it so."""
    assert "secret_key" in refused({"access_key": "hunter2", "secret_key": key})


@pytest.mark.parametrize("field", ["access_key", "secret_key"])
def test_nothing_but_white_space_is_no_key(field: str) -> None:
    """Just as an empty string is none."""
    assert field in refused({"access_key": "hunter2", "secret_key": "hunter2", field: " \n"})


def refused(secret: dict[str, str]) -> str:
    """Return the message of the error, which must show nothing of the secret, nor may its traceback."""
    with pytest.raises(SecretError) as caught:
        decode(json.dumps(secret), "s")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)
