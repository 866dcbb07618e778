"""The retention sweep: copies of archives into Deep Archive, and the expiry of raw files that are delivered and old.

It runs off the hot path, as often as one likes, and remembers nothing that it could not find out again: what is to be
copied follows from two listings, what may be deleted from the manifests. A raw file is deleted only when an archive
that is verified lists that very version, and a copy of that archive is verified too.
"""

from windrow.operations.retention.report import SweepReport
from windrow.operations.retention.sweeper import LOOKBACK, Sweeper

__all__ = ["LOOKBACK", "SweepReport", "Sweeper"]
