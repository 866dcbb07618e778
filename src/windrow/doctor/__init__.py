"""``windrow doctor``'s checks: settings, AWS, TLS, and what the destination can do, each with what to do about it.

Nothing is changed but a few objects of its own in the destination, one of them as large as an archive may be, which
are deleted again.
"""

from windrow.doctor.check import Check, State, failed
from windrow.doctor.examination import checks

__all__ = ["Check", "State", "checks", "failed"]
