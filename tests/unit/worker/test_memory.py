from __future__ import annotations

import ctypes
from types import SimpleNamespace

import pytest

from windrow.worker import memory


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of Alpine Linux, or of macOS, has no such function."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    memory.give_back()
