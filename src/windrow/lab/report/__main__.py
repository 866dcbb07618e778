"""``python -m windrow.lab.report RESULT.json REPORT.html``: draw the report of a saved result again."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from windrow.lab.load.result import LoadResult
from windrow.lab.report.page import render


def main() -> None:
    """Read the first file, write the second."""
    result_file, report_file = map(Path, sys.argv[1:])
    result = msgspec.json.decode(result_file.read_bytes(), type=LoadResult)
    report_file.write_text(render(result), encoding="utf-8")


if __name__ == "__main__":
    main()
