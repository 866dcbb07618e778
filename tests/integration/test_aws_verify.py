from __future__ import annotations

from hashlib import sha256

import pytest

from scripts.aws_verify.account import Caller
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.inventory import KINDS, names
from scripts.aws_verify.targets import second_bucket
from windrow.core.errors import DestinationError
from windrow.lab.stack import servers


def test_a_second_bucket_stands_in_for_minio(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its user may do there what a destination needs and nothing else, and both go again with what is in the bucket."""
    with servers.ministack(tmp_path_factory.mktemp("verify"), auth=True) as server:
        root = Caller(servers.REGION, server.url).with_keys(servers.ACCESS_KEY, servers.SECRET_KEY)
        kinds = [KINDS[kind] for kind in ("buckets", "users")]
        before = [names(root, *kind) for kind in kinds]
        cleanup = Cleanup()
        target = second_bucket(root, "windrow-0123abcd-archives", cleanup)
        destination = target.open()
        destination.probe()
        assert destination.put("k", [b"x"], sha256(b"x").digest(), {})
        with pytest.raises(DestinationError, match="AccessDenied"):
            destination.delete("k")
        made = [names(root, *kind) - old for kind, old in zip(kinds, before, strict=True)]
        assert [{target.bucket}, {target.bucket}] == made
        assert {} == cleanup.run()
        assert before == [names(root, *kind) for kind in kinds]
