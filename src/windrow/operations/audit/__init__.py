"""The audit compares what arrived in the landing buckets, by listing or inventory, with what the archives hold.

Landing versions and manifest entries are gathered in a temporary SQLite database on disk and reconciled there, so that
memory does not grow with the number of files. Each archive costs two requests to the destination (HEAD, and one range
read of the manifest), however many files it holds.
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
