"""Service descriptions are botocore's own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader

from windrow.clients import models

SERVICES = ("dynamodb", "lambda", "s3", "secretsmanager", "sqs")


@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2"])
@pytest.mark.parametrize("service", SERVICES)
def test_descriptions_are_those_that_botocore_reads(service: str, kind: str) -> None:
    """With what botocore adds to them, or none at all. Read afresh: botocore's clients change what they are given."""
    read = []
    for loader in (Loader(), models.loader.__wrapped__()):
        try:
            read.append(loader.load_service_model(service, kind))
        except DataNotFoundError:
            read.append(None)
    assert read[0] == read[1]


@pytest.mark.parametrize("name", ["endpoints", "partitions", "_retry", "sdk-default-configuration"])
def test_general_data_are_those_that_botocore_reads(name: str) -> None:
    """Such as the endpoints of all regions."""
    assert Loader().load_data(name) == models.loader.__wrapped__().load_data(name)


def test_an_unknown_service_is_refused() -> None:
    """As by botocore."""
    with pytest.raises(DataNotFoundError):
        models.loader().load_service_model("no-such-service", "service-2")


def test_the_handler_does_not_import_boto3() -> None:
    """Which would make each cold start a fifth longer."""
    program = "import sys; from windrow.functions import aggregate; sys.exit('boto3' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode
