"""The Lambda entry point of the retention sweep."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.operations.retention.scene import Scene
from windrow.core.errors import SettingsError
from windrow.functions import retain
from windrow.settings import Settings


class Context:
    """What is used of Lambda's context."""

    aws_request_id = "r"

    def get_remaining_time_in_millis(self) -> int:
        """Return a quarter of an hour."""
        return 900_000


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A world whose sweeper the function uses, with eight hot days."""
    scene = Scene()
    monkeypatch.setattr(retain, "_config", lambda: Settings(retention_hot_days=8))
    monkeypatch.setattr(retain, "_sweeper", scene.sweeper)
    return scene


def test_the_report_is_returned_as_json(scene: Scene) -> None:
    """Lambda must be able to write it down."""
    scene.deliver("a")
    scene.age()
    first: dict[str, Any] = json.loads(json.dumps(retain.handler({}, Context())))
    scene.age(86_400)
    second = retain.handler({}, Context())

    assert (1, 0, True) == (first["copied"], first["expired"], first["ok"])
    assert (0, 1, []) == (second["copied"], second["expired"], scene.landed())


def test_what_failed_is_logged_and_no_error(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Alarms watch the metrics; the log says which archive it was."""
    key = scene.deliver("a")
    scene.age()
    stored, body = scene.world.destination.objects[key]
    scene.world.destination.objects[key] = stored, body[:-1] + bytes([body[-1] ^ 1])
    report = retain.handler({}, Context())

    assert (False, 1, True) == (report["ok"], report["failed"], report["complete"])
    assert key in [getattr(record, "what", "") for record in caplog.records]


def test_wrong_settings_are_an_error() -> None:
    """They name what is missing."""
    retain._config.cache_clear()
    with pytest.raises(SettingsError, match="WINDROW_COPIES_BUCKET is needed"):
        retain.handler({}, Context())
