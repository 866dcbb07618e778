"""Reports of load tests: one HTML file that needs nothing else, for the screen, a phone and print."""

from __future__ import annotations

from windrow.lab.report.page import render

__all__ = ["render"]
