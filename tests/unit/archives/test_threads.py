"""One open archive may be read by many threads at once."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.archives import archive_of, joined
from windrow.archives import open_archive

THREADS = 8
FILES = [(f"file-{number}", random.Random(number).randbytes(5_000)) for number in range(40)]


@pytest.fixture
def hasty() -> Iterator[None]:
    """Have threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_read_one_archive(tmp_path: Path) -> None:
    """Each gets the bytes that it asked for; where one moved the position of another, the archive seemed damaged."""
    path = tmp_path / "one.tar.gz"
    path.write_bytes(joined(archive_of(FILES)))
    order = [key for key, _ in FILES] * 5
    random.Random(1).shuffle(order)

    with open_archive(str(path)) as archive, ThreadPoolExecutor(THREADS) as pool:
        read = list(pool.map(lambda key: archive.read(f"data/{key}"), order))

    contents = dict(FILES)
    assert [contents[key] for key in order] == read
