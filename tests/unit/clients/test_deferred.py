"""Clients that are built at their first use."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from windrow.clients.deferred import deferred


class Client:
    """Counts how often it was built."""

    built = 0

    def __init__(self) -> None:
        type(self).built += 1
        self.name = "client"


@pytest.fixture(autouse=True)
def _none_built() -> None:
    Client.built = 0


def test_nothing_is_built_before_the_first_use() -> None:
    """Making the stand-in builds nothing; using it builds once."""
    client = deferred(Client)
    before = Client.built

    assert ("client", "client", 0, 1) == (client.name, client.name, before, Client.built)


def test_threads_that_use_it_at_once_get_one() -> None:
    """Many first uses at the same time build one client."""
    client, together = deferred(Client), Barrier(8)

    def use(_: int) -> str:
        together.wait()
        return client.name

    with ThreadPoolExecutor(8) as pool:
        assert ["client"] * 8 == list(pool.map(use, range(8)))
    assert 1 == Client.built


def test_a_failure_is_raised_at_the_use_and_tried_again() -> None:
    """An error of the building reaches the user, and the next use builds anew."""
    answers: Iterator[OSError | Client] = iter([OSError("no region"), Client()])

    def build() -> Client:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    client = deferred(build)
    with pytest.raises(OSError, match="no region"):
        _ = client.name
    assert "client" == client.name
