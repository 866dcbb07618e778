"""The webhook of the page for those who receive archives, called by a real MinIO."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.archives import WINDOW, archive_of
from tests.integration.test_consumers_page import code
from tests.servers.endpoint import Endpoint
from tests.tools import locate
from windrow.core.archive.writer import SealedArchive
from windrow.core.keys import archive_key, quarantine_key, staging_folder
from windrow.core.windows import HOUR, MINUTE
from windrow.lab.stack import servers
from windrow.lab.stack.process import HOST, free_port
from windrow.lab.stack.waiting import wait_until

pytestmark = pytest.mark.needs("minio")

KEY, SECRET = "windrow-test", "windrow-test-secret"
PREFIX = "eu ü"  # what an encoded key shows differently
WITH_FILES, TOMBSTONE = archive_of([("orders/1.json", b"{}")]), archive_of([])
ARCHIVE, OTHER, CLOSED = (archive_key(PREFIX, WINDOW.start, MINUTE, [each]) for each in ("one", "other", "closed"))
LARGE = archive_key(PREFIX, WINDOW.start, HOUR, [])


@dataclass
class Site:
    """A MinIO that notifies a webhook of the archives in a bucket."""

    minio: Endpoint
    bucket: str
    port: int

    def put(self, key: str, archive: SealedArchive = WITH_FILES) -> None:
        """Store an archive."""
        body = b"".join(archive.chunks)
        self.minio.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body, Metadata=archive.metadata)

    def put_in_parts(self, key: str, staged: str) -> None:
        """Have the server make an archive of a staged part, as Windrow does with large objects."""
        s3, at = self.minio.client("s3"), {"Bucket": self.bucket, "Key": key}
        upload = at | {"UploadId": s3.create_multipart_upload(**at, Metadata=WITH_FILES.metadata)["UploadId"]}
        made = s3.upload_part_copy(**upload, PartNumber=1, CopySource={"Bucket": self.bucket, "Key": staged})
        parts = [{"PartNumber": 1, "ETag": made["CopyPartResult"]["ETag"]}]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The server's environment is the page's; the bucket is told as the page's command of `mc` tells it."""
    port = free_port()
    said = dict(line.split("=") for line in code("", "MINIO_NOTIFY").splitlines())
    said["MINIO_NOTIFY_WEBHOOK_ENDPOINT_ARCHIVES"] = f"http://{HOST}:{port}/archives"
    said["MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_ARCHIVES"] = str(tmp_path / "events")
    command = re.search(r"mc event add --event put --suffix (\S+) \S+ (\S+)", code("console", "mc event"))
    assert command is not None
    binary = Path(locate("minio"))
    with servers.minio(tmp_path, access_key=KEY, secret_key=SECRET, binary=binary, more=said) as server:
        minio = Endpoint("minio", server.url, KEY, SECRET, region="us-east-1")
        bucket = minio.new_bucket()
        rule = {
            "QueueArn": command[2],
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": command[1]}]}},
        }
        minio.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
        )
        yield Site(minio, bucket, port)


@pytest.fixture
def webhook(site: Site, tmp_path: Path) -> Iterator[Path]:
    """Run the page's program once the first archive is there; give the folder of what it prints and of its log."""
    site.put(ARCHIVE)
    program = code("python", "HTTPServer").replace('("0.0.0.0", 8080)', f'("{HOST}", {site.port})')
    with (tmp_path / "printed").open("wb") as printed, (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen([sys.executable, "-c", program], stdout=printed, stderr=log)
    yield tmp_path
    running.kill()
    running.wait()


def test_the_webhook_takes_archives_and_nothing_else(site: Site, webhook: Path) -> None:
    """One from before it ran, one made in parts, and one more; no tombstone, mark, staged part or quarantined copy."""
    staged = f"{staging_folder(PREFIX)}0123456789abcdef-1-0123456789abcdef"
    site.put(f"{PREFIX}/.windrow-complete/2026/11/23/mark.json")
    site.put(quarantine_key(PREFIX, ARCHIVE, WINDOW.end))
    site.put(staged)
    site.put(f"{PREFIX}/.windrow-quarantine/by-hand.tar.gz")
    site.put(CLOSED, TOMBSTONE)
    site.put_in_parts(LARGE, staged)
    site.put(OTHER)

    def calls() -> int:
        return (webhook / "log").read_text().count('"POST /archives HTTP/1.1" 200')

    wait_until("five notifications", lambda: calls() >= 5, cause=(webhook / "log").read_text)

    expected = {f"s3://{site.bucket}/{key}" for key in (ARCHIVE, LARGE, OTHER)}
    assert (5, expected) == (calls(), set((webhook / "printed").read_text().splitlines()))
