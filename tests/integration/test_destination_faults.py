"""One batch against a real MinIO that fails in earnest: stopped, killed, replies lost, bytes changed on the way.

Between the pipeline and MinIO stands `bench.faults.proxy`, a process of its own. Ledger, queue and landing are fakes.
"""

from __future__ import annotations

import io
import os
import signal
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import trustme

from bench.faults.links import HttpProxy
from bench.faults.proxy import Action, Listener, Rule
from tests.archives import MemorySource
from tests.servers.endpoint import Endpoint, new_name
from tests.unit.world import Killed, World
from windrow.clients.clock import SystemClock
from windrow.clients.destination.bucket import RequestPolicy
from windrow.clients.destination.held import HeldRequests
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.core.archive.reader import Archive, parse_manifest
from windrow.core.errors import DestinationError, DestinationFault
from windrow.core.events import Message
from windrow.lab.stack import servers
from windrow.lab.stack.process import HOST, Server, free_port
from windrow.lab.stack.waiting import wait_until
from windrow.ports import Credentials
from windrow.testing import FakeSecrets

pytestmark = pytest.mark.needs("minio")

AFTER_LEASE_S = 200
"""Longer than any lease of a worker that runs 60 s."""
KEYS = {"access_key": "windrow-test", "secret_key": "windrow-test-secret"}
XML = "<?xml version='1.0'?><Error><Code>{}</Code></Error>"


@dataclass
class Line:
    """A MinIO, the proxy before it, and certificate authorities: the one that signed for the proxy, and a stranger."""

    server: Server
    proxy: HttpProxy
    port: int
    tls_port: int
    authority: trustme.CA
    stranger: trustme.CA

    def endpoint(self) -> Endpoint:
        """Return the server without the proxy."""
        return Endpoint("minio", self.server.url, KEYS["access_key"], KEYS["secret_key"], region="us-east-1")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Run MinIO and the proxy once for this module, which stops and kills MinIO."""
    folder = tmp_path_factory.mktemp("line")
    authority = trustme.CA()
    certificate = folder / "proxy.pem"
    certificate.write_bytes(authority.issue_cert(HOST).private_key_and_cert_chain_pem.bytes())
    with servers.minio(folder, access_key=KEYS["access_key"], secret_key=KEYS["secret_key"]) as server:
        ports = free_port(), free_port()
        listeners = [
            Listener("plain", ports[0], server.port),
            Listener("tls", ports[1], server.port, str(certificate)),
        ]
        with HttpProxy(folder, listeners, (KEYS["access_key"], KEYS["secret_key"])) as proxy:
            yield Line(server, proxy, *ports, authority, trustme.CA())


@dataclass
class Scene:
    """A world whose destination is a bucket of its own in MinIO, behind the proxy."""

    line: Line
    world: World
    bucket: str
    secrets: FakeSecrets
    destination: S3MultipartDestination
    impatient: S3MultipartDestination
    """Waits a second for an answer, as suits a MinIO that is stopped and gives none."""

    def run(self, *messages: Message, impatient: bool = False) -> list[str]:
        """Process one batch in a fresh worker; return the ids of the messages that stay."""
        return self.world.process(*messages, destination=self.impatient if impatient else self.destination)

    def upload(self, key: str = "a") -> Message:
        """Upload a file and return its message."""
        return self.world.message(self.world.upload(key, f"content of {key}".encode() * 100))

    def archives(self) -> dict[str, bytes]:
        """Return what the bucket holds."""
        s3 = self.line.endpoint().client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def assert_each_once(self) -> None:
        """Check that every upload is in the archives once, with its bytes."""
        found: Counter[str] = Counter()
        s3 = self.line.endpoint().client("s3")
        for key, body in self.archives().items():
            length = int(s3.head_object(Bucket=self.bucket, Key=key)["Metadata"]["manifest-bytes"])
            with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
                for file in parse_manifest(body[:length]).files:
                    member = tar.extractfile(file.name)
                    assert member is not None
                    assert f"content of {file.key}".encode() * 100 == member.read()
                    found[file.object_id] += 1
        assert Counter({source.object_id: 1 for source in self.world.sources}) == found


@pytest.fixture
def scene(line: Line) -> Scene:
    """Return a world with an empty bucket."""
    return make_scene(line, f"http://{HOST}:{line.port}", FakeSecrets(Credentials(**KEYS)))


def make_scene(line: Line, endpoint: str, secrets: FakeSecrets) -> Scene:
    """Return a scene whose destination is reached at an endpoint."""
    bucket = line.endpoint().new_bucket()
    patient, impatient = (
        S3MultipartDestination(endpoint, bucket, "us-east-1", secrets, SystemClock(), policy)
        for policy in (RequestPolicy(), RequestPolicy(read_s=1.0))
    )
    return Scene(line, World(), bucket, secrets, patient, impatient)


def rule(action: Action, times: int = 1, **more: Any) -> Rule:
    """Return a rule for PUTs on the plain listener."""
    return Rule(id="", listener="plain", action=action, times=times, **{"method": "PUT", **more})


def kinds(scene: Scene, *, impatient: bool = False) -> DestinationFault:
    """Return the kind of fault that a probe finds."""
    with pytest.raises(DestinationError) as caught:
        (scene.impatient if impatient else scene.destination).probe()
    return caught.value.kind


def test_the_reply_of_a_put_is_lost(scene: Scene) -> None:
    """MinIO has stored the archive; the next attempt meets 412 and the manifest says that it is delivered."""
    with scene.line.proxy.rule(rule(Action.LOSE_REPLY)) as lost:
        failed = scene.run(scene.upload())
        assert 1 == scene.line.proxy.hits(lost)

    assert [] == failed
    scene.assert_each_once()


def test_every_reply_of_a_put_is_lost_and_so_is_the_look(scene: Scene) -> None:
    """The batch ends without knowing; the next worker asks, and finds the archive there."""
    message = scene.upload()
    gone = rule(Action.LOSE_REPLY, times=100, method="", target="Z-")
    with scene.line.proxy.rule(gone):
        failed = scene.run(message)
    stored = len(scene.archives())
    again = scene.run(message)

    assert ([message.message_id], 1, []) == (failed, stored, again)
    assert 1 == scene.world.metrics.counts["FilesDuplicate"]
    scene.assert_each_once()


def test_a_bit_of_the_body_changes_on_the_way(scene: Scene) -> None:
    """MinIO refuses the body by its checksum and stores nothing; the retry delivers."""
    message = scene.upload()
    with scene.line.proxy.rule(rule(Action.FLIP_BODY)) as changed:
        failed = scene.run(message)
        assert 1 == scene.line.proxy.hits(changed)
    stored = scene.archives()
    again = scene.run(message)

    assert ([message.message_id], {}, []) == (failed, stored, again)
    scene.assert_each_once()


def test_the_stored_metadata_changes_on_the_way(scene: Scene) -> None:
    """MinIO stores a wrong digest, soundly signed: a tombstone takes the archive's place, and the retry delivers."""
    message = scene.upload()
    with scene.line.proxy.rule(rule(Action.FLIP_METADATA)) as changed:
        failed = scene.run(message)
        assert 1 == scene.line.proxy.hits(changed)
    (left,) = scene.archives().values()
    mismatches = scene.world.metrics.counts["ChecksumMismatch"]
    again = scene.run(message)

    assert ([message.message_id], 1, []) == (failed, mismatches, again)
    assert [] == Archive.open(MemorySource(left)).manifest.files
    scene.assert_each_once()


def test_minio_answers_503_once(scene: Scene) -> None:
    """The same batch tries again and delivers."""
    busy = rule(Action.ANSWER, status=503, body=XML.format("SlowDown"))
    with scene.line.proxy.rule(busy) as answered:
        failed = scene.run(scene.upload())
        assert 1 == scene.line.proxy.hits(answered)

    assert [] == failed
    scene.assert_each_once()


def test_minio_is_stopped_before_the_batch(scene: Scene) -> None:
    """It accepts connections and never answers: nothing is claimed or fetched, and the retry delivers."""
    message = scene.upload()
    os.kill(scene.line.server.pid, signal.SIGSTOP)
    try:
        failed = scene.run(message, impatient=True)
        kind = kinds(scene, impatient=True)
    finally:
        os.kill(scene.line.server.pid, signal.SIGCONT)
    claims = dict(scene.world.ledger.items)
    again = scene.run(message)

    assert ([message.message_id], {}, []) == (failed, claims, again)
    assert DestinationFault.SLOW == kind
    scene.assert_each_once()


def test_minio_is_stopped_while_the_batch_runs(scene: Scene) -> None:
    """Its PUT is carried out when MinIO goes on, long after the worker gave up; the file is there once."""
    message = scene.upload()

    def stop(operation: str) -> None:
        if operation == "get":
            os.kill(scene.line.server.pid, signal.SIGSTOP)

    scene.world.landing.hook = stop
    try:
        failed = scene.run(message, impatient=True)
    finally:
        os.kill(scene.line.server.pid, signal.SIGCONT)
    scene.world.landing.hook = lambda _: None
    scene.world.clock.advance(AFTER_LEASE_S)
    again = scene.run(message)

    assert ([message.message_id], []) == (failed, again)
    scene.assert_each_once()


def test_minio_is_killed_while_the_batch_runs(scene: Scene) -> None:
    """Nothing is stored, or all of it; either way the retry finds out."""
    message = scene.upload()

    def kill(operation: str) -> None:
        if operation == "get":
            scene.line.server.kill()

    scene.world.landing.hook = kill
    try:
        failed = scene.run(message)
    finally:
        scene.line.server.start()
    scene.world.landing.hook = lambda _: None
    scene.world.clock.advance(AFTER_LEASE_S)
    again = scene.run(message)

    assert ([message.message_id], []) == (failed, again)
    scene.assert_each_once()


def test_the_bucket_is_gone(scene: Scene) -> None:
    """The fault is named, nothing is claimed, and the retry delivers into the bucket that is there again."""
    message = scene.upload()
    s3 = scene.line.endpoint().client("s3")
    s3.delete_bucket(Bucket=scene.bucket)
    failed = scene.run(message)
    kind = kinds(scene)
    claims = dict(scene.world.ledger.items)
    s3.create_bucket(Bucket=scene.bucket)
    again = scene.run(message)

    assert ([message.message_id], {}, []) == (failed, claims, again)
    assert DestinationFault.BUCKET == kind
    scene.assert_each_once()


def test_the_credentials_are_wrong(scene: Scene) -> None:
    """MinIO refuses them, they are fetched anew and refused again; with the right ones the retry delivers."""
    message = scene.upload()
    scene.secrets.value = Credentials(KEYS["access_key"], new_name("wrong"))
    failed = scene.run(message)
    kind = kinds(scene)
    refreshed = scene.secrets.refreshed
    scene.secrets.value = Credentials(**KEYS)
    again = scene.run(message)

    assert ([message.message_id], []) == (failed, again)
    assert DestinationFault.CREDENTIALS == kind
    assert refreshed >= 1
    scene.assert_each_once()


def test_the_certificate_is_from_another_authority(line: Line) -> None:
    """No byte is sent to a server that cannot prove who it is; with the right authority the retry delivers."""

    def trusting(authority: trustme.CA) -> Credentials:
        return Credentials(**KEYS, ca_pem=authority.cert_pem.bytes().decode())

    scene = make_scene(line, f"https://{HOST}:{line.tls_port}", FakeSecrets(trusting(line.stranger)))
    message = scene.upload()
    with line.proxy.rule(Rule(id="", listener="tls", action=Action.LOSE_REPLY, times=100)) as heard:
        failed = scene.run(message)
        kind = kinds(scene)
        requests = line.proxy.hits(heard)
    scene.secrets.value = trusting(line.authority)
    again = scene.run(message)

    assert ([message.message_id], 0, []) == (failed, requests, again)
    assert DestinationFault.TLS == kind
    scene.assert_each_once()


def test_a_key_that_anothers_stalled_write_locks_costs_its_files_alone(scene: Scene) -> None:
    """MinIO answers no question about it meanwhile; other files of crashed owners are delivered within the same run."""
    stuck, other = scene.upload("a"), scene.upload("b")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.world.landing, "hook", dying)
        for message in (stuck, other):
            with pytest.raises(Killed):
                scene.run(message)
    scene.world.clock.advance(AFTER_LEASE_S)
    (claim,) = scene.world.ledger.claims([scene.world.sources[0].object_id]).values()
    requests = HeldRequests(scene.line.endpoint().url, scene.bucket, "us-east-1", scene.secrets)
    with requests.connect() as writer:
        write = requests.put(claim.archive_key, b"x" * 1000)
        writer.begin(write, write.body_at + 500)
        wait_until("a locked key", lambda: is_locked(scene.impatient, claim.archive_key))
        failed = scene.run(stuck, other, impatient=True)

    assert [stuck.message_id] == failed
    assert [] == scene.run(stuck)
    scene.assert_each_once()


def dying(operation: str) -> None:
    """Have the process be gone when it fetches."""
    if operation == "get":
        raise Killed


def is_locked(destination: S3MultipartDestination, key: str) -> bool:
    """Return whether a question about a key gets no answer."""
    try:
        destination.head(key)
    except DestinationError as error:
        return error.kind is DestinationFault.SLOW
    return False
