"""Inventories read from where S3 delivers them, on moto."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from moto import mock_aws

from tests.unit.operations.audit.inventories import FOLDER, inventory, md5, row
from windrow.clients.s3 import inventory as client_module
from windrow.clients.s3.inventory import InventoryIndex, InventoryStore
from windrow.core.errors import InventoryError
from windrow.ports import ListedVersion

CREATED = datetime(2026, 11, 23, 12, tzinfo=UTC)
MANIFEST = f"s3://inventories/{FOLDER}manifest.json"
FIRST = "inventory/landing/windrow/data/0.csv.gz"
VERSIONS = [
    ListedVersion("landing", f"p/{random.Random(number).random()}", f"v{number}", "e", number, CREATED)
    for number in range(300)
]


@pytest.fixture(name="s3")
def _s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="inventories")
        yield client


def delivered(s3: Any, objects: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """Have S3 deliver an inventory; return its objects."""
    objects = objects or inventory([list(map(row, VERSIONS[:100])), list(map(row, VERSIONS[100:]))], CREATED)
    for key, data in objects.items():
        s3.put_object(Bucket="inventories", Key=key, Body=data)
    return objects


def listed(s3: Any, prefix: str = "") -> list[ListedVersion]:
    """Return what the inventory tells."""
    return list(InventoryIndex(s3, [InventoryStore(s3).open(MANIFEST)]).versions("landing", prefix))


def test_all_lists_are_read_in_pieces(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever size the pieces are; a prefix of keys is kept to."""
    delivered(s3)
    monkeypatch.setattr(client_module, "PIECE_BYTES", 1000)

    assert VERSIONS == listed(s3)
    assert [each for each in VERSIONS if each.key.startswith("p/0.1")] == listed(s3, "p/0.1")


def test_an_empty_inventory_tells_nothing(s3: Any) -> None:
    """Whether it has an empty list or none."""
    lists: list[list[str]] = [[]]
    for some in (lists, lists[1:]):
        delivered(s3, inventory(some, CREATED))
        assert [] == listed(s3)


def test_lists_of_several_members_are_read_whole(s3: Any) -> None:
    """Whoever packs a list may begin a new gzip member in it."""
    objects = inventory([[]], CREATED)
    packed = b"".join(gzip.compress(row(each).encode()) for each in VERSIONS[:3])
    manifest = objects[f"{FOLDER}manifest.json"].replace(
        f'"size": {len(objects[FIRST])}, "MD5checksum": "{md5(objects[FIRST])}"'.encode(),
        f'"size": {len(packed)}, "MD5checksum": "{md5(packed)}"'.encode(),
    )
    told = {f"{FOLDER}manifest.json": manifest, f"{FOLDER}manifest.checksum": md5(manifest).encode()}
    delivered(s3, {FIRST: packed, **told})

    assert VERSIONS[:3] == listed(s3)


@pytest.mark.parametrize("key", [FIRST, f"{FOLDER}manifest.json", f"{FOLDER}manifest.checksum"])
def test_an_inventory_that_is_not_complete_is_refused(s3: Any, key: str) -> None:
    """A list may have expired; the manifest comes when all is there. What is not there is named."""
    delivered(s3)
    s3.delete_object(Bucket="inventories", Key=key)

    with pytest.raises(InventoryError, match=f"{key} does not exist: it was never delivered, has expired"):
        listed(s3)


def damaged(data: bytes, how: str) -> bytes:
    """Return other bytes in place of a list's."""
    others = gzip.compress(gzip.decompress(data).replace(b'"e"', b'"f"'))
    flipped = data[:40] + b"\0\0" + data[42:]
    return {"cut": data[:-9], "longer": data + b"x", "flipped": flipped, "other": others}[how]


@pytest.mark.parametrize("how", ["cut", "longer", "flipped", "other"])
def test_a_list_that_is_not_the_manifests_is_refused(s3: Any, how: str) -> None:
    """Of another size, damaged, or sound and of other versions: only size and MD5 tell all of them."""
    objects = delivered(s3)
    s3.put_object(Bucket="inventories", Key=FIRST, Body=damaged(objects[FIRST], how))

    with pytest.raises(InventoryError, match=FIRST):
        listed(s3)


def test_a_sound_list_with_another_digest_is_refused(s3: Any) -> None:
    """All of it can be read, and it is not what the manifest names: the digest alone says so."""
    objects = inventory([[row(VERSIONS[0])]], CREATED)
    manifest = objects[f"{FOLDER}manifest.json"].replace(md5(objects[FIRST]).encode(), b"0" * 32)
    delivered(s3, objects | {f"{FOLDER}manifest.json": manifest, f"{FOLDER}manifest.checksum": md5(manifest).encode()})

    with pytest.raises(InventoryError, match="its MD5 differs"):
        listed(s3)


def test_a_line_that_never_ends_costs_no_more_than_its_limit(s3: Any) -> None:
    """A list is not trusted to be one: 50 MB of zeros pack into 50 KB."""
    delivered(s3, inventory([["x" * 50_000_000]], CREATED))

    with pytest.raises(InventoryError, match="a line has 32,768 bytes or more"):
        listed(s3)


def test_what_is_no_list_is_refused(s3: Any) -> None:
    """Not packed, or not text."""
    for data, message in ((b"bucket,key", "can't be unpacked"), (gzip.compress(b"\xff\n"), "can't be unpacked")):
        objects = inventory([[]], CREATED)
        manifest = objects[f"{FOLDER}manifest.json"].replace(
            f'"size": {len(objects[FIRST])}, "MD5checksum": "{md5(objects[FIRST])}"'.encode(),
            f'"size": {len(data)}, "MD5checksum": "{md5(data)}"'.encode(),
        )
        told = {f"{FOLDER}manifest.json": manifest, f"{FOLDER}manifest.checksum": md5(manifest).encode()}
        delivered(s3, {FIRST: data, **told})
        with pytest.raises(InventoryError, match=message):
            listed(s3)


def test_a_connection_that_breaks_in_a_piece_is_no_error_at_once(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The piece is asked for again; if it breaks each time, that is said."""
    delivered(s3)
    broken = {"left": 2}
    read = StreamingBody.read

    def breaking(self: StreamingBody, amt: int | None = None) -> bytes:
        if broken["left"] and amt is None:
            broken["left"] -= 1
            raise ReadTimeoutError(endpoint_url="s3")
        return read(self, amt)

    monkeypatch.setattr(StreamingBody, "read", breaking)
    assert VERSIONS == listed(s3)
    broken["left"] = 3
    with pytest.raises(InventoryError, match=f"{FIRST} can't be read: Read timeout"):
        listed(s3)


@pytest.mark.parametrize(
    "url", ["manifest.json", "s3://inventories", "s3://inventories/a.json", "https://x/manifest.json"]
)
def test_what_names_no_manifest_is_called_so(url: str) -> None:
    """Nothing is asked for."""
    with pytest.raises(InventoryError, match=r"is named by its manifest, s3://bucket/\.\.\./manifest.json"):
        InventoryStore(None).open(url)  # type: ignore[arg-type]


def begun(s3: Any, *folders: str, inventory_id: str = "daily", finished: bool = True) -> None:
    """Have S3 begin inventories at these times, and finish them."""
    for folder in folders:
        data = inventory([], CREATED, folder=f"inventory/landing/{inventory_id}/{folder}/")
        delivered(s3, {key: value for key, value in data.items() if finished or not key.endswith("checksum")})


def test_the_newest_finished_inventory_is_found(s3: Any) -> None:
    """By its folder's time, whatever its id; one that S3 still writes has no checksum yet."""
    begun(s3, "2026-11-21T01-00Z", "2026-11-22T01-00Z")
    begun(s3, "2026-11-23T01-00Z", inventory_id="another")
    begun(s3, "2026-11-24T01-00Z", finished=False)
    s3.put_object(Bucket="inventories", Key="inventory/landing/daily/hive/dt=2026-11-25-01-00/symlink.txt", Body=b"")
    s3.put_object(Bucket="inventories", Key="inventory/landing/daily/data/9999-11-25T01-00Z.csv.gz", Body=b"")
    s3.put_object(Bucket="inventories", Key="inventory/landing2/daily/2026-11-26T01-00Z/manifest.checksum", Body=b"")

    newest = InventoryStore(s3).newest("s3://inventories/inventory", "landing")
    assert "s3://inventories/inventory/landing/another/2026-11-23T01-00Z/manifest.json" == newest
    assert "landing" == InventoryStore(s3).open(newest).bucket


def test_where_there_is_no_inventory_yet_that_is_said(s3: Any) -> None:
    """The first takes up to two days; a bucket that is not there is another error."""
    store = InventoryStore(s3)
    with pytest.raises(InventoryError, match="holds no finished inventory: S3 delivers the first within 48 hours"):
        store.newest("s3://inventories/inventory", "landing")
    with pytest.raises(InventoryError, match="s3://lost/inventory/landing/ does not exist"):
        store.newest("s3://lost/inventory", "landing")
    with pytest.raises(InventoryError, match="are delivered to s3://bucket/prefix, not 'inventories'"):
        store.newest("inventories", "landing")
