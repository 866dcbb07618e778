"""What the roles of the stack do, as calls: those that an attempt needs more than a line for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scripts.aws_verify.stack import Stack

Act = Callable[[Any, Stack], object]
"""Calls a service, by a client of the one who tries it."""
Attempt = tuple[str, str, str, Act]
"""Who, on which service, what, and how."""


def delete_landed_version(client: Any, stack: Stack) -> None:
    """Delete a version that was just put there."""
    answer = stack.root.client("s3").put_object(Bucket=stack.landing_bucket, Key="partner/old", Body=b"")
    client.delete_object(Bucket=stack.landing_bucket, Key="partner/old", VersionId=answer["VersionId"])


def function_of_the_mapping(stack: Stack) -> str:
    """Return what the mapping names, as the engine of `windrow run` asks for it: the alias's ARN."""
    mapping = stack.root.client("lambda").get_event_source_mapping(UUID=stack.outputs["event_source_mapping_id"])
    return str(mapping["FunctionArn"])


def insert(client: Any, stack: Stack) -> None:
    """Claim a file."""
    statement = f"INSERT INTO \"{stack.outputs['ledger_table']}\" VALUE {{'object_id': 'a'}}"
    client.batch_execute_statement(Statements=[{"Statement": statement}])


def records(stack: Stack) -> dict[str, Any]:
    """Return a request for the ledger's record of an archive."""
    return {"RequestItems": {stack.outputs["ledger_table"]: {"Keys": [{"object_id": {"S": "archive#a"}}]}}}


def circuit(stack: Stack) -> dict[str, Any]:
    """Return the key of the item that the sentinel keeps its state in, the only one that its policy names."""
    object_id = f"circuit#{stack.outputs['event_source_mapping_id']}"
    return {"TableName": stack.outputs["ledger_table"], "Key": {"object_id": {"S": object_id}}}


def mapping(client: Any, stack: Stack) -> None:
    """Read the mapping."""
    client.get_event_source_mapping(UUID=stack.outputs["event_source_mapping_id"])


def switch(client: Any, stack: Stack) -> None:
    """Switch the mapping off."""
    client.update_event_source_mapping(UUID=stack.outputs["event_source_mapping_id"], Enabled=False)


def staged(client: Any, stack: Stack) -> None:
    """Put a version of the secret under a stage of its own, and take the stage away again."""
    secret_id, stage = stack.outputs["destination_secret_id"], "TRIED"
    put = client.put_secret_value(SecretId=secret_id, SecretString="{}", VersionStages=[stage])
    client.update_secret_version_stage(SecretId=secret_id, VersionStage=stage, RemoveFromVersionId=put["VersionId"])
