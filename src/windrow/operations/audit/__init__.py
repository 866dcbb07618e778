"""The audit: what arrived in the landing buckets, by listings or inventories, against what the archives hold.

Landing versions and manifest entries are gathered in a scratch SQLite database on disk and reconciled there, so that
memory does not grow with the number of files. The destination is asked twice an archive (HEAD, and one range read of
the manifest), never once a file.
"""

from windrow.operations.audit.archives import ArchiveReader
from windrow.operations.audit.auditor import Auditor, Judged, Missing
from windrow.operations.audit.coverage import Coverage, Listing
from windrow.operations.audit.inventory import Inventory
from windrow.operations.audit.marks import Marker
from windrow.operations.audit.report import AuditReport, Finding

__all__ = [
    "ArchiveReader",
    "AuditReport",
    "Auditor",
    "Coverage",
    "Finding",
    "Inventory",
    "Judged",
    "Listing",
    "Marker",
    "Missing",
]
