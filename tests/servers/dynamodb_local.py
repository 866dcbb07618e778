"""Amazon's DynamoDB Local, the reference for what DynamoDB answers."""

from __future__ import annotations

import contextlib
import http.client
import os
from pathlib import Path

from tests.optional import missing, require, tools_cache
from windrow.local.process import HOST, Server

HOW = "make dynamodb-local (needs Maven and Java 17)"
MAIN = Path(__file__).parent / "java" / "LoopbackDynamoDb.java"


class _DynamoDbLocal(Server):
    def _answers(self, port: int) -> bool:
        """Tell whether it answers: without a signed request, with an error."""
        connection = http.client.HTTPConnection(HOST, port, timeout=2)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/")
            return connection.getresponse().status == http.client.BAD_REQUEST
        return False


def dynamodb_local(folder: Path) -> Server:
    """Return a DynamoDB Local that keeps its tables in memory, not started yet."""
    jars = Path(os.environ.get("DYNAMODB_LOCAL_HOME") or tools_cache() / "dynamodb-local")
    if not jars.is_dir():
        missing("DynamoDB Local", HOW)
    java = require("java", "Java 17 or newer, in every package manager")
    return _DynamoDbLocal(
        "dynamodb-local",
        folder,
        lambda port: [
            *(java, "-Djava.net.preferIPv4Stack=true", "-cp", str(jars / "*")),
            *(str(MAIN), "-inMemory", "-disableTelemetry", "-port", str(port)),
        ],
        environ={},
        health="/",
    )
