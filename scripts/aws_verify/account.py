"""Who calls AWS, or an emulator of it: access keys, or boto3's usual ones, and roles that are taken on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3.session
from botocore.config import Config
from botocore.exceptions import ClientError

from windrow.clients.answers import code
from windrow.clients.clock import SystemClock
from windrow.core.errors import LocalStackError
from windrow.lab.stack.waiting import wait_until

PROPAGATION_S = 120.0
"""A change at IAM is seen everywhere after seconds, without a promise:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency"""
PAUSE_S = 2.0
REFUSED = {"AccessDenied", "AccessDeniedException", "AccessDeniedFault", "UnauthorizedOperation"}


@dataclass(frozen=True)
class Caller:
    """Somebody at AWS, or at the emulator that listens at ``url``.

    ``keys`` are arguments of a boto3 session; without any, boto3 finds credentials as it always does, and renews them.
    """

    region: str
    url: str | None = None
    keys: dict[str, str] = field(default_factory=dict, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def client(self, service: str) -> Any:
        """Return a boto3 client that calls in their name, the same each time. It does not retry what is refused."""
        if service not in self._clients:
            session: Any = boto3.session.Session(region_name=self.region, **self.keys)  # type: ignore[arg-type]
            path: Any = {"addressing_style": "path"} if self.url else {}
            attempts = 1 if self.url else 5
            config = Config(s3=path, retries={"total_max_attempts": attempts, "mode": "standard"})
            self._clients[service] = session.client(service, endpoint_url=self.url, config=config)
        return self._clients[service]

    def pages(self, service: str, operation: str, **request: Any) -> Iterator[dict[str, Any]]:
        """Yield all pages of a listing."""
        client = self.client(service)
        if client.can_paginate(operation):
            yield from client.get_paginator(operation).paginate(**request)
        else:
            yield getattr(client, operation)(**request)

    def account(self) -> str:
        """Return the 12 digits of the account."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def partition(self) -> str:
        """Return ``aws``, or what stands in ARNs of other partitions."""
        return str(self.client("sts").get_caller_identity()["Arn"].split(":")[1])

    def in_role(self, arn: str) -> Caller:
        """Take on a role, which IAM may learn of late. Raises `ClientError` if it is refused for two minutes."""
        refusals: list[ClientError] = []

        def assume() -> Any:
            try:
                return self.client("sts").assume_role(RoleArn=arn, RoleSessionName="windrow-verify")["Credentials"]
            except ClientError as error:
                if code(error) not in REFUSED or self.url:
                    raise
                refusals.append(error)
                return None

        try:
            given = wait_until(f"role {arn}", assume, limit_s=PROPAGATION_S, pause_s=PAUSE_S, clock=SystemClock())
        except LocalStackError as error:
            raise refusals[-1] from error
        return self.with_keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def in_role_of_a_service(self, arn: str) -> Caller:
        """Take on a role that only a service may, by changing its trust for a moment."""
        iam, name = self.client("iam"), arn.rpartition("/")[2]
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        us = {"AWS": f"arn:{self.partition()}:iam::{self.account()}:root"}
        statement = {"Effect": "Allow", "Principal": us, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=policy)
        try:
            return self.in_role(arn)
        finally:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    def with_keys(self, access_key: str, secret_key: str, token: str = "") -> Caller:
        """Return somebody else in the same place."""
        keys = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
        return Caller(self.region, self.url, keys | ({"aws_session_token": token} if token else {}))

    def environment(self) -> dict[str, str]:
        """Return the variables by which a process calls as they do; the usual ones are those it has already."""
        where = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        at = {"AWS_ENDPOINT_URL": self.url} if self.url else {}
        return where | at | {name.upper(): value for name, value in self.keys.items()}
