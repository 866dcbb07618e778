"""The commands of AWS's command line that the pages say to type, against AWS's own models of its services."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import botocore.session
import jmespath
import pytest
from botocore import xform_name
from botocore.model import ListShape, OperationModel, Shape, StructureShape

ROOT = Path(__file__).resolve().parents[2]
ITS_OWN = {("s3", "cp"): {"--force-glacier-transfer"}, ("logs", "tail"): {"--since", "--follow"}}
"""Commands that are the command line's and no operation of a service, with their options."""
GLOBAL = {"--query", "--output", "--region", "--max-items"}
"""``--max-items`` is that of operations with pages."""


def commands() -> list[str]:
    """Return those in blocks and between backticks that have more than two words behind ``aws``, each once."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("infra/**/README.md")]
    text = "\n".join(page.read_text() for page in pages).replace("\\\n", "")
    found = re.findall(r"^ *(aws [a-z0-9]+ .+)$|`(aws [a-z0-9]+ [^`]+)`", text, re.MULTILINE)
    return sorted({" ".join((block or quoted).split()) for block, quoted in found})


@cache
def operations(service: str) -> dict[str, OperationModel]:
    """Return the operations of a service by their names at the command line."""
    model = botocore.session.get_session().get_service_model(service.removesuffix("api"))
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def test_the_commands_are_found() -> None:
    """One of a block, one of a sentence, and one over two lines."""
    found = "\n".join(commands())

    assert "aws lambda get-account-settings" in found
    assert "--version-stage AWSPENDING --remove-from-version-id VERSION" in found
    assert "aws s3 cp s3://COPIES/KEY archive.tar.gz --force-glacier-transfer" in found


@pytest.mark.parametrize("command", commands())
def test_aws_has_the_operation_and_its_options(command: str) -> None:
    """Nobody is sent to type what AWS refuses."""
    service, name, *rest = shlex.split(command)[1:]
    given = {each for each in rest if each.startswith("--")}
    if (service, name) in ITS_OWN:
        assert set() == given - ITS_OWN[service, name]
        return
    assert name in operations(service)
    shape = operations(service)[name].input_shape
    members = {f"--{xform_name(member, '-')}" for member in shape.members} if shape else set()
    required = {f"--{xform_name(member, '-')}" for member in shape.required_members} if shape else set()

    assert set() == given - members - GLOBAL
    assert not given or set() == required - given  # without any it is mentioned rather than to be typed


@pytest.mark.parametrize("command", [each for each in commands() if "--query" in each])
def test_a_query_can_be_asked_of_the_answer(command: str) -> None:
    """It is valid JMESPath, and the fields that it names are of the operation's answer."""
    service, name, *rest = shlex.split(command)[1:]
    query = rest[rest.index("--query") + 1]
    answer = operations(service)[name].output_shape
    named = set(re.findall(r"[A-Z]\w+", query))

    jmespath.compile(query)
    assert answer is not None
    assert named
    assert set() == named - fields(answer)


def fields(shape: Shape) -> set[str]:
    """Return the names of an answer's fields, at any depth."""
    if isinstance(shape, ListShape):
        return fields(shape.member)
    if isinstance(shape, StructureShape):
        return {*shape.members}.union(*map(fields, shape.members.values()))
    return set()
