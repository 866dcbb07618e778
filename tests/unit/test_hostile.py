"""What an uploader, or whoever writes into the destination, can do to others: nothing. Each test has little memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from hashlib import sha256
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tests.archives import WINDOW, archive_of, segment, with_manifest
from tests.limited import MIB, limit, needs_limits, run
from tests.unit.operations.retention.scene import HOT, Scene
from tests.unit.world import World
from windrow.cli import root
from windrow.core.archive import tar
from windrow.core.archive.member import HEAD, TAIL_BYTES
from windrow.core.events import MAX_KEY_BYTES
from windrow.core.keys import archive_key
from windrow.core.manifest import FORMAT, Frame, Manifest, ManifestFile
from windrow.core.windows import MINUTE, floor
from windrow.operations.audit import ArchiveReader, Auditor, AuditReport
from windrow.operations.rebuild import Rebuilder
from windrow.ports import ListedVersion
from windrow.settings import Settings
from windrow.testing import START, FakeLandingIndex

pytestmark = needs_limits

KEYS = 1_100
NEIGHBOURS = 20
FRAME_BYTES = len(bytes(archive_of([("k", b"")]).chunks[1]))
FRAME_BYTES = len(bytes(archive_of([("k", b"")]).chunks[1]))
RANGE = START - timedelta(days=1), START + timedelta(days=1)


def deep_key(number: int) -> str:
    """Return a key of 1,020 bytes in 500 folders; the emoji makes Python keep four bytes for each character."""
    head, tail = f"{number:05}/", "😀"
    return head + "a/" * ((MAX_KEY_BYTES - 3 - len(head) - len(tail.encode())) // 2) + tail


def hostile_scene() -> Scene:
    """Return a scene before a batch of deep keys and their neighbours is delivered."""
    settings = Settings(landing_buckets=frozenset({"landing"}), fetch_concurrency=16)
    return Scene(World(settings=settings))


def deliver_deep(scene: Scene, batch: int = 0) -> list[str]:
    """Deliver a batch of deep keys and some neighbours; return what stays in the queue."""
    first = batch * KEYS
    keys = [deep_key(first + number) for number in range(KEYS)]
    sources = [scene.world.upload(key, b"") for key in keys]
    sources += [scene.world.upload(f"{batch}/neighbour-{number}", b"x" * 1000) for number in range(NEIGHBOURS)]
    return scene.world.process(*(scene.world.message(source) for source in sources))


def put_foreign(scene: Scene, data: bytes) -> str:
    """Put an archive that Windrow never made beside the others, with metadata that fit; return its key."""
    start = floor(START, MINUTE)
    key = archive_key(scene.world.settings.destination_prefix, start, MINUTE, [str(len(data))])
    digest = sha256(data)
    metadata = {
        "sha256_checksum": digest.hexdigest(),
        "manifest-bytes": str(len(data) - TAIL_BYTES - FRAME_BYTES),
        "file-count": "1",
    }
    scene.world.destination.put(key, [data], digest.digest(), metadata)
    return key


def foreign_archive(name: str) -> bytes:
    """Return an archive of one file with a name as no key makes it; of a few hundred bytes, however long the name."""
    honest = archive_of([("k", b"")])
    file = msgspec.structs.replace(honest.manifest.files[0], name=name)
    manifest = Manifest(FORMAT, WINDOW.start, WINDOW.end, [file], honest.manifest.frames)
    return with_manifest(manifest, honest)


def auditor(scene: Scene) -> Auditor:
    """Return an auditor of the scene."""
    world = scene.world
    index = FakeLandingIndex(
        [ListedVersion(s.bucket, s.key, s.version_id, s.etag, s.size, s.event_time) for s in world.sources]
    )
    return Auditor(index=index, ledger=world.ledger, archives=reader(scene), buckets={"landing"}, clock=world.clock)


def reader(scene: Scene) -> ArchiveReader:
    """Return a reader of the scene's archives."""
    world = scene.world
    return ArchiveReader(world.destination, world.settings.destination_prefix)


def audited(scene: Scene) -> AuditReport:
    """Audit the days around the deliveries."""
    return auditor(scene).judge(*RANGE, grace=timedelta(minutes=5), retention=HOT).report


def deliver_within_limit() -> object:
    """Deliver a batch of deep keys."""
    scene = hostile_scene()
    sources = [scene.world.upload(deep_key(number), b"") for number in range(KEYS)]
    sources += [scene.world.upload(f"neighbour-{number}", b"x" * 1000) for number in range(NEIGHBOURS)]
    messages = [scene.world.message(source) for source in sources]
    limit(128)
    left = scene.world.process(*messages)
    return len(left), len(scene.world.delivered()), len(scene.archives())


def test_deep_keys_cost_little_and_their_neighbours_are_delivered() -> None:
    """Every prefix of every name kept would take 1.2 GB."""
    assert [0, KEYS + NEIGHBOURS, 1] == run(deliver_within_limit)


def audit_within_limit() -> object:
    """Audit, rebuild and replay three batches of deep keys, with foreign archives among them."""
    scene = hostile_scene()
    for batch in range(3):
        deliver_deep(scene, batch)
    put_foreign(scene, foreign_archive("data" + "/a" * 450_000))
    scene.world.clock.advance(3600)
    limit(160)
    report = audited(scene)
    missing = list(auditor(scene).missing(*RANGE, grace=timedelta(minutes=5)))
    scene.world.ledger.items.clear()
    scene.world.ledger.archives.clear()
    world = scene.world
    rebuilt = Rebuilder(reader(scene), world.ledger, world.commit_point(), world.clock, ttl=timedelta(days=30)).rebuild(
        *RANGE, lambda _done: None
    )
    return report.delivered, report.broken, len(missing), rebuilt.files, len(rebuilt.broken)


def test_their_archives_are_audited_and_rebuilt_from() -> None:
    """One archive that nobody can read is one finding, and the others are read."""
    files = 3 * (KEYS + NEIGHBOURS)

    assert [files, 1, 0, files, 1] == run(audit_within_limit)


def sweep_within_limit() -> object:
    """Sweep many such archives at once."""
    scene = hostile_scene()
    for batch in range(6):
        deliver_deep(scene, batch)
        scene.world.clock.advance(60)
    put_foreign(scene, foreign_archive("data" + "/a" * 450_000))
    scene.age()
    limit(120)
    report = scene.sweep()
    return report.expired, report.failed


def test_their_archives_are_swept() -> None:
    """The raw files of what is sound expire, the foreign archive is told of."""
    assert [6 * (KEYS + NEIGHBOURS), 1] == run(sweep_within_limit)


FOREIGN: dict[str, Callable[[], bytes]] = {
    "long name": lambda: foreign_archive("data" + "/a" * 450_000),
    "long key": lambda: manifest_of(key="k" * 900_000),
    "many files": lambda: many_files(40_000),
    "bomb": lambda: HEAD + segment(tar.header("MANIFEST.json", 8**11 - 1, 0) + bytes(600 * MIB)) + b"end",
}
WORDS = {
    "long name": "not safe to extract",
    "long key": "of length <= 1024 - at `$.files[0].key`",
    "many files": "of length <= 10000 - at `$.files`",
    "bomb": "the manifest has 8589934591 bytes, 16777216 are allowed",
}


def manifest_of(**changes: object) -> bytes:
    """Return an archive whose manifest's one file was changed."""
    honest = archive_of([("k", b"")])
    file: ManifestFile = msgspec.structs.replace(honest.manifest.files[0], **changes)
    return with_manifest(msgspec.structs.replace(honest.manifest, files=[file]), honest)


def many_files(count: int) -> bytes:
    """Return an archive of so many files that no batch has them."""
    honest = archive_of([("k", b"")])
    files = [msgspec.structs.replace(honest.manifest.files[0], name=f"data/{number}") for number in range(count)]
    manifest = msgspec.structs.replace(honest.manifest, files=files, frames=[Frame(0, 99)] * count)
    return with_manifest(manifest, honest)


def list_within_limit() -> object:
    """List each foreign archive with the command."""
    archives = {name: make() for name, make in FOREIGN.items()}
    said = {}
    with TemporaryDirectory() as folder:
        limit(128)
        for name, data in archives.items():
            path = Path(folder, "foreign.tar.gz")
            path.write_bytes(data)
            out, err = StringIO(), StringIO()
            with redirect_stdout(out), redirect_stderr(err):
                code = root.run(["archive", "ls", "--json", str(path)])
            said[name] = code, len(data) < 1_000_000, out.getvalue()
    return said


def test_foreign_archives_are_refused_with_the_limit_that_they_break() -> None:
    """A few hundred bytes may testbed for gigabytes; nothing is inflated, decoded or compared beyond the limits."""
    said = run(list_within_limit)

    assert dict.fromkeys(FOREIGN, (1, True)) == {name: tuple(told[:2]) for name, told in said.items()}
    for name, words in WORDS.items():
        assert words in said[name][2]
