"""The checks of ``windrow doctor``: settings, AWS, TLS, and what the destination can do, each with advice.

They change nothing except a few test objects at the destination, one of them as large as an archive may be, which are
deleted again.
"""

from windrow.doctor.check import Check, State, failed
from windrow.doctor.examination import checks

__all__ = ["Check", "State", "checks", "failed"]
