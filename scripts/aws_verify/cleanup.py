"""Takes away what was made, the last first, whatever of it fails; what stays is told with the command to remove it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from scripts.aws_verify.account import Caller
from windrow.clients.answers import code

ABSENT = {"NoSuchBucket", "NoSuchEntity", "QueueDoesNotExist", "ResourceNotFoundException"}
"""Answers of services that have nothing of that name: it was never made, or went already."""


@dataclass
class Cleanup:
    """What is to be done at the end, noted before each thing is made."""

    _steps: list[tuple[str, Callable[[], object]]] = field(default_factory=list)

    def add(self, command: str, step: Callable[[], object]) -> None:
        """Note a step, and the command by which a person does the same."""
        self._steps.append((command, step))

    def run(self) -> dict[str, str]:
        """Do all of it; return what failed: the command for it, and why."""
        failed: dict[str, str] = {}
        while self._steps:
            command, step = self._steps.pop()
            try:
                step()
            except ClientError as error:
                if code(error) not in ABSENT:
                    failed[command] = str(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the rest must go too
                failed[command] = str(error) or type(error).__name__
        return failed


def empty_bucket(root: Caller, bucket: str) -> None:
    """Delete a bucket with every version of every object, and parts of uploads that never ended."""
    s3 = root.client("s3")
    for page in root.pages("s3", "list_multipart_uploads", Bucket=bucket):
        for each in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])
    for page in root.pages("s3", "list_object_versions", Bucket=bucket):
        for each in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
    s3.delete_bucket(Bucket=bucket)
