"""MiniStack's server: Hypercorn with its arguments, but an answer goes out in one piece, not its header first.

If header and body come apart, Go's client, which Terraform's AWS provider is built on, now and then closes the
connection between them on a busy machine, and repeats the request (aws/aws-sdk-go-v2 issue 2737). A creation is then
told that what it creates exists already.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from hypercorn.__main__ import main
from hypercorn.asyncio import run
from hypercorn.asyncio.tcp_server import TCPServer


class Gathered:
    """An `asyncio.StreamWriter` that writes all of one turn of the event loop at its end."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._writer, name)

    def write(self, data: bytes) -> None:
        """Hold the data until the end of the turn."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self._flush)
        self._held.append(data)

    def write_eof(self) -> None:
        """End the stream after what is held."""
        self._flush()
        self._writer.write_eof()

    def close(self) -> None:
        """Close the stream after what is held."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        held, self._held = self._held, []
        if held:
            self._writer.write(b"".join(held))


class GatheringServer(TCPServer):
    """A connection of Hypercorn's, whose writer gathers."""

    async def run(self) -> None:
        """Serve the connection to its end."""
        self.writer = cast("asyncio.StreamWriter", Gathered(self.writer))
        await super().run()


if __name__ == "__main__":
    vars(run)["TCPServer"] = GatheringServer
    sys.exit(main())
