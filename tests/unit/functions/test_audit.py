"""The Lambda entry point of the daily audit."""

from __future__ import annotations

import json

import pytest

from tests.unit.operations.audit.test_auditor import source
from tests.unit.operations.audit.test_daily import NOON, Days
from windrow.core.errors import SettingsError
from windrow.functions import audit


class Fixed:
    """A daily audit of a made-up day."""

    def __init__(self, days: Days) -> None:
        self.run = days.audit


def test_the_summary_is_returned_and_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """As JSON, which Lambda must be able to write down; a second run has nothing new."""
    days = Days()
    days.scene.land(source("lost", at=NOON))
    monkeypatch.setattr(audit, "_daily", lambda: Fixed(days))
    first, second = (json.loads(json.dumps(audit.handler({}, None))) for _ in range(2))

    assert (1, False, None) == (first["missing"], first["ok"], second["judged"])
    assert [1] == [record.missing for record in caplog.records if hasattr(record, "missing")]
    assert first["statement"] in days.scene.destination.objects


def test_wrong_settings_are_an_error() -> None:
    """They name what is missing."""
    audit._daily.cache_clear()
    with pytest.raises(SettingsError, match="WINDROW_LANDING_BUCKETS is needed"):
        audit.handler({}, None)
