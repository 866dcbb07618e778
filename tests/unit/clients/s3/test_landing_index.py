"""Listings of landing buckets by boto3, on moto."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from windrow.clients.s3.landing_index import S3LandingIndex
from windrow.core.errors import BucketMissing, LandingError


@mock_aws
def test_a_bucket_that_is_not_there_has_an_error_of_its_own() -> None:
    """An audit goes on without it."""
    with pytest.raises(BucketMissing, match=r"no landing bucket 'lost'.*landing-bucket-lost"):
        list(S3LandingIndex(boto3.client("s3")).versions("lost", ""))


def test_a_bucket_that_can_not_be_listed_is_there() -> None:
    """Half an audit proves nothing: what is refused must not read as what is lost."""
    client: Any = boto3.client("s3")
    with Stubber(client) as stub:
        stub.add_client_error("list_object_versions", "AccessDenied")
        with pytest.raises(LandingError, match="could not be listed") as caught:
            list(S3LandingIndex(client).versions("b", ""))
    assert LandingError is type(caught.value)
