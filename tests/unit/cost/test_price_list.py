from __future__ import annotations

import re
from pathlib import Path

import pytest

from windrow.core.errors import PriceError
from windrow.cost.price_list import download, load, offer_files, save


def test_shipped_prices_say_where_they_come_from() -> None:
    """Each price that ships has a day and a page of AWS to look it up, and the file is dated."""
    book = load()
    assert "eu-west-2" == book.region
    for price in book.prices.values():
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", price.as_of)
        assert price.as_of <= book.date
        assert price.page.startswith("https://aws.amazon.com/")


def test_book_survives_being_saved(tmp_path: Path) -> None:
    """What is saved reads back the same."""
    path = tmp_path / "prices.json"
    save(load(), path)
    assert load() == load(path)


def test_absent_file_is_an_error(tmp_path: Path) -> None:
    """A price file that is not there is an error that names it."""
    with pytest.raises(PriceError, match=r"can't be read: .*absent\.json"):
        load(tmp_path / "absent.json")


def test_each_offer_is_read_or_explained() -> None:
    """Offers that download and parse are returned; the others come back with the reason."""
    root = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws"
    answers = {
        f"{root}/Good/current/eu-west-2/index.json": b'{"products": {}}',
        f"{root}/Html/current/eu-west-2/index.json": b"<html>",
    }

    def fetch(url: str) -> bytes:
        if url not in answers:
            raise OSError("no route")
        return answers[url]

    read, failed = offer_files(["Good", "Html", "Away"], "eu-west-2", fetch)
    assert {"Good": {"products": {}}} == read
    assert ["Away", "Html"] == sorted(failed)
    assert "no route" == failed["Away"]


def test_only_https_is_fetched() -> None:
    """Prices never come from a file or over plain http."""
    with pytest.raises(PriceError, match="https only"):
        download("file:///etc/hostname")
