"""Time for the engine."""

from __future__ import annotations

TICK_S = 0.25
"""How long a wait lasts at most before the loops look again at the stop event and the mapping."""
