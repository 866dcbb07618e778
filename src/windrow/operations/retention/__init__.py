"""The retention sweep: copies archives to Deep Archive, and deletes raw files that are delivered and old enough.

It runs off the hot path and can be repeated at any time, because it depends on no state of its own: two listings show
what must be copied, and the manifests what may be deleted. A raw file is deleted only if a verified archive lists that
very version, and a copy of that archive is verified too.
"""

from windrow.operations.retention.report import SweepReport
from windrow.operations.retention.sweeper import LOOKBACK, Sweeper

__all__ = ["LOOKBACK", "SweepReport", "Sweeper"]
