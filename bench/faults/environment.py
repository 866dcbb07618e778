"""The stack with a worker whose every connection goes through two proxies, and a TLS destination.

    worker -> Toxiproxy (connections) -> bench.faults.proxy (HTTP exchanges; TLS of the destination) -> server

The campaign itself talks to the servers directly.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
import psutil
import trustme

from bench.faults.handler import TRAPS
from bench.faults.links import REPOSITORY, HttpProxy, Toxiproxy
from bench.faults.proxy import Listener
from windrow import bootstrap, settings
from windrow.clients.clock import SystemClock
from windrow.clients.destination.bucket import S3Destination
from windrow.core.errors import LocalStackError
from windrow.lab.stack.process import HOST, free_port
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.servers import REGION
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.waiting import wait_for
from windrow.ports import Credentials

DESTINATION = "destination"
IMPOSTER = "imposter"
SERVICES = ("s3", "dynamodb", "sqs")
QUIET_BUCKET = "windrow-landing-quiet"
"""A second landing bucket without notifications: the campaign makes its events by hand."""
MAX_RECEIVES = 1000
"""The queue's own limit of 100 takes 12 hours and more to reach; with the campaign's short backoff, ten minutes."""
MAX_ARCHIVE_BYTES = 1024 * 1024
"""The least that the setting takes: what is larger is streamed in parts."""
POLL_S = 0.25
PORT_ATTEMPTS = 3
HANDLER = "bench.faults.handler.handler"


class _Keys:
    """Credentials that never change, for the campaign's own requests to the destination."""

    def __init__(self, value: Credentials) -> None:
        self._value = value

    def credentials(self) -> Credentials:
        return self._value

    refresh = credentials


class Environment:
    """Servers, proxies and worker; a context manager.

    ``visibility_s`` replaces the queue's own visibility timeout: six times the run time plus the window, as AWS
    advises, would be the longest wait of the campaign. It must only be longer than one batch takes. ``own_breaker``:
    the worker follows no mapping and is its own circuit breaker.
    """

    def __init__(
        self,
        folder: Path,
        toxiproxy: Path,
        shape: Shape,
        *,
        visibility_s: int,
        handler: str = HANDLER,
        own_breaker: bool = False,
    ) -> None:
        self.folder = folder
        self.stack = Stack(folder, shape, destination="minio", worker=False)
        self.traps = folder / "traps"
        self.traps.mkdir(parents=True)
        self.aws_secret = secrets.token_urlsafe(30)
        self.keys: Credentials = Credentials("", "")
        self.secrets: set[str] = {self.aws_secret, self.stack.secret_key}
        """Every secret that was in use at some time."""
        self._handler = handler
        self._visibility_s = visibility_s
        self._own_breaker = own_breaker
        self._binary = toxiproxy
        self._ports: dict[str, tuple[int, int]] = {}
        self._resources = ExitStack()
        self.toxiproxy: Toxiproxy
        self.http: HttpProxy

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            self.stack.start()
            resources.callback(self.stack.stop)
            self._read_keys()
            self._start_proxies(resources)
            self._provision()
            self.start_worker()
            resources.callback(self.stack.worker.kill)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def client(self, service: str) -> Any:  # noqa: ANN401 - any of boto3's clients
        """Return a client that goes straight to the emulator."""
        return boto3.client(service, endpoint_url=self.stack.aws.url)  # type: ignore[call-overload]

    def destination(self) -> S3Destination:
        """Return the destination as its administrator sees it, without a proxy between."""
        keys = _Keys(Credentials(self.stack.access_key, self.stack.secret_key))
        outputs = self.stack.outputs
        return S3Destination(
            self.stack.destination.url, outputs.destination_bucket, outputs.destination_region, keys, SystemClock()
        )

    def dead_letters(self) -> Any:  # noqa: ANN401 - the client's own type is not exported
        """Return the dead-letter queue."""
        return bootstrap.dead_letter_queue(settings.load(self.stack.environment()))

    def depth(self) -> int:
        """Return how many messages the queue holds, those being worked on included."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=self.stack.outputs.queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def await_empty(self, timeout_s: float) -> int:
        """Wait until the queue is empty, or for so long; return how many messages it holds then."""
        return 0 if wait_for(lambda: not self.depth(), timeout_s, POLL_S) else self.depth()

    def environment(self) -> dict[str, str]:
        """Return the worker's environment."""
        front = {name: f"http://{HOST}:{port}" for name, (port, _) in self._ports.items()}
        no_mapping = {"WINDROW_EVENT_SOURCE_MAPPING_ID": ""} if self._own_breaker else {}
        return {
            **self.stack.environment(),
            **no_mapping,
            **{f"AWS_ENDPOINT_URL_{name.upper()}": front[name] for name in SERVICES},
            "AWS_SECRET_ACCESS_KEY": self.aws_secret,
            "WINDROW_LANDING_BUCKETS": f"{self.stack.outputs.landing_bucket},{QUIET_BUCKET}",
            "WINDROW_MAX_ARCHIVE_BYTES": str(MAX_ARCHIVE_BYTES),
            "WINDROW_DESTINATION_ENDPOINT": front[DESTINATION].replace("http:", "https:"),
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]),
            TRAPS: str(self.traps),
        }

    def start_worker(self) -> None:
        """Start ``windrow run`` with the handler that dies at traps, and its batches as JSON lines in its log."""
        shape = self.stack.shape
        options = ["--handler", self._handler, "--quiet-wait", "1", "--concurrency", f"{shape.concurrency}"]
        if self._own_breaker:
            options += ["--window", f"{shape.window_s}", "--batch-size", f"{shape.batch_size}"]
            options += ["--timeout", f"{shape.timeout_s}", "--probe-every", "1"]
        self.stack.worker.launch((sys.executable, "-m", "windrow", "run", "--json", *options), self.environment())

    def worker_processes(self) -> list[psutil.Process]:
        """Return the processes that run batches, none while there is no engine."""
        try:
            return psutil.Process(self.stack.worker.pid).children()
        except (psutil.Error, LocalStackError):
            return []

    def http_port(self, name: str) -> int:
        """Return where the HTTP proxy listens for a link (or the imposter)."""
        return self._ports[name][1]

    def rotate_keys(self) -> None:
        """Give the worker's access key another secret key at the destination; `publish_keys` gives it to the worker."""
        import urllib3  # noqa: PLC0415 - beside its only use
        from minio import MinioAdmin  # noqa: PLC0415
        from minio.credentials.providers import StaticProvider  # noqa: PLC0415

        administrator = StaticProvider(self.stack.access_key, self.stack.secret_key)
        endpoint = urlsplit(self.stack.destination.url).netloc
        admin = MinioAdmin(
            endpoint=endpoint,
            credentials=administrator,
            secure=False,
            http_client=urllib3.PoolManager(retries=urllib3.Retry(5, backoff_factor=0.2)),
        )
        fresh = secrets.token_urlsafe(30)
        self.secrets.add(fresh)
        admin.update_service_account(access_key=self.keys.access_key, secret_key=fresh)
        self.keys = Credentials(self.keys.access_key, fresh, self.keys.ca_pem)

    def publish_keys(self) -> None:
        """Write the destination's present keys into the secret."""
        value = {"access_key": self.keys.access_key, "secret_key": self.keys.secret_key, "ca_pem": self.keys.ca_pem}
        self.client("secretsmanager").put_secret_value(
            SecretId=self.stack.outputs.destination_secret_id, SecretString=json.dumps(value)
        )

    def _read_keys(self) -> None:
        answer = self.client("secretsmanager").get_secret_value(SecretId=self.stack.outputs.destination_secret_id)
        held = json.loads(answer["SecretString"])
        self._authority = trustme.CA()
        pem = self._authority.cert_pem.bytes().decode()
        self.keys = Credentials(held["access_key"], held["secret_key"], pem)
        self.secrets |= {held["secret_key"]}

    def _start_proxies(self, resources: ExitStack) -> None:
        """Start both; again with other ports if somebody took one before they did."""
        for attempt in range(PORT_ATTEMPTS):
            with ExitStack() as own:
                try:
                    self._try_to_start_proxies(own)
                except (LocalStackError, RuntimeError):
                    if attempt == PORT_ATTEMPTS - 1:
                        raise
                else:
                    resources.push(own.pop_all())
                    return

    def _try_to_start_proxies(self, resources: ExitStack) -> None:
        self.toxiproxy = resources.enter_context(Toxiproxy(self.folder, self._binary))
        upstreams = dict.fromkeys(SERVICES, self.stack.aws.port) | {DESTINATION: self.stack.destination.port}
        ports = _different_ports(2 * len(upstreams) + 1)
        listeners = []
        for name, upstream in upstreams.items():
            self._ports[name] = (ports.pop(), ports.pop())
            certificate = self._certificate(name, self._authority) if name == DESTINATION else ""
            listeners.append(Listener(name, self._ports[name][1], upstream, certificate))
        self._ports[IMPOSTER] = (0, ports.pop())
        stranger = self._certificate(IMPOSTER, trustme.CA())
        listeners.append(Listener(IMPOSTER, self._ports[IMPOSTER][1], self.stack.destination.port, stranger))
        administrator = (self.stack.access_key, self.stack.secret_key)
        self.http = resources.enter_context(HttpProxy(self.folder, listeners, administrator))
        for name in upstreams:
            self.toxiproxy.add(name, *self._ports[name])

    def _certificate(self, name: str, authority: trustme.CA) -> str:
        path = self.folder / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_bytes(authority.issue_cert(HOST).private_key_and_cert_chain_pem.bytes())
        return str(path)

    def _provision(self) -> None:
        outputs = self.stack.outputs
        self.publish_keys()
        sqs = self.client("sqs")
        held = sqs.get_queue_attributes(QueueUrl=outputs.queue_url, AttributeNames=["RedrivePolicy"])["Attributes"]
        redrive = {**json.loads(held["RedrivePolicy"]), "maxReceiveCount": MAX_RECEIVES}
        attributes = {"VisibilityTimeout": str(self._visibility_s), "RedrivePolicy": json.dumps(redrive)}
        sqs.set_queue_attributes(QueueUrl=outputs.queue_url, Attributes=attributes)
        s3 = self.client("s3")
        s3.create_bucket(Bucket=QUIET_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=QUIET_BUCKET, VersioningConfiguration={"Status": "Enabled"})


def _different_ports(count: int) -> list[int]:
    """Return free ports, all different although nothing listens on them yet."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def no_trace(folder: Path, wanted: set[str]) -> list[str]:
    """Return the names of log files that hold one of the secrets."""
    logs = [path for path in folder.rglob("*.log") if path.stat().st_size < 2**31]
    return [str(path.relative_to(folder)) for path in logs if shows(path.read_bytes(), wanted)]


def shows(output: bytes, wanted: set[str]) -> bool:
    """Return whether an output holds one of the secrets."""
    return any(value.encode() in output for value in wanted)


def private_key_names(folder: Path) -> set[str]:
    """Return the middle lines of the private keys that the proxies use, which no log may show either."""
    lines = set()
    for path in folder.glob("*.pem"):
        body = path.read_text().splitlines()
        lines.add(body[len(body) // 4])
    return lines
