from __future__ import annotations

from hashlib import sha256

import pytest

from windrow.clients.s3.landing import round_trips
from windrow.lab.load.bodies import SMALLEST_BYTES, TEMPLATES, Bodies


@pytest.mark.parametrize("size", [SMALLEST_BYTES, 5000])
def test_bodies_have_the_size_asked_for_and_differ(size: int) -> None:
    """Bodies are as large as asked, no two equal, and their SHA-256 is told right."""
    bodies = Bodies("run", size)
    made = [bodies.make(number) for number in range(2 * TEMPLATES + 1)]
    assert {size} == {len(body) for body, _ in made}
    assert len(made) == len({body for body, _ in made})
    assert [sha256(body).hexdigest() for body, _ in made] == [digest for _, digest in made]


def test_runs_differ() -> None:
    """Two runs upload different bytes under different keys."""
    one, other = Bodies("one", 1000), Bodies("other", 1000)
    assert one.make(0) != other.make(0)
    assert one.key(0) != other.key(0)


def test_keys_are_distinct_and_plain() -> None:
    """Every number has a key of its own, which the upload client leaves as it is."""
    bodies = Bodies("run", 1000)
    keys = [bodies.key(number) for number in range(3000)]
    assert 3000 == len(set(keys))
    assert all(round_trips(key) for key in keys)
