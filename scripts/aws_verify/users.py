"""Users with access keys of their own, for what takes no session token: the destination, and the contract suites.

And the role of the functions that those suites make.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from scripts.aws_verify.account import PAUSE_S, PROPAGATION_S, Caller
from scripts.aws_verify.cleanup import Cleanup
from windrow.lab.stack.waiting import wait_until
from windrow.ports import Credentials

SEEN_TIMES = 5
"""A new key counts as known once so many calls in a row know it: not all of IAM's endpoints learn of it at once."""


def make_user(root: Caller, name: str, statements: list[dict[str, Any]], cleanup: Cleanup) -> Credentials:
    """Make a user with these rights and return its keys, once IAM knows them."""
    iam = root.client("iam")
    cleanup.add(
        f"aws iam delete-user --user-name {name}  # first its access keys and its policy", lambda: drop(iam, name)
    )
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="verify", PolicyDocument=_policy(statements))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    user = root.with_keys(made["AccessKeyId"], made["SecretAccessKey"])

    def known() -> bool:
        try:
            return all(user.account() for _ in range(SEEN_TIMES))
        except ClientError:
            return False

    wait_until(f"the keys of {name} to be known", known, limit_s=PROPAGATION_S, pause_s=PAUSE_S)
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


def make_role(root: Caller, name: str, statements: list[dict[str, Any]], cleanup: Cleanup) -> str:
    """Make a role for functions with these rights, and return its ARN; Lambda may learn of it late."""
    iam = root.client("iam")
    cleanup.add(f"aws iam delete-role --role-name {name}  # first its policy", lambda: drop_role(iam, name))
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))
    iam.put_role_policy(RoleName=name, PolicyName="verify", PolicyDocument=_policy(statements))
    return str(made["Role"]["Arn"])


def drop_role(iam: Any, name: str) -> None:
    """Delete a role with its policy."""
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def drop(iam: Any, name: str) -> None:
    """Delete a user with its keys and its policy."""
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    iam.delete_user(UserName=name)
