"""S3 servers that Java runs: S3Proxy, which is sound, and Adobe's S3Mock, which lets several writers win."""

from __future__ import annotations

from pathlib import Path

from tests.tools import java_server, locate
from windrow.lab.stack.process import HOST, Server, free_port

_JAVA = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", "-Djava.net.preferIPv4Stack=true")
"""The quick compiler alone, with which a start costs half."""


def s3proxy(folder: Path, *, access_key: str, secret_key: str) -> Server:
    """Return an S3Proxy that keeps its data in ``folder``, not started yet."""
    locate("s3proxy")
    data = folder / "data"
    data.mkdir(parents=True)

    def command(port: int) -> list[str]:
        settings = {
            "s3proxy.endpoint": f"http://{HOST}:{port}",
            "s3proxy.authorization": "aws-v2-or-v4",
            "s3proxy.identity": access_key,
            "s3proxy.credential": secret_key,
            "jclouds.provider": "filesystem-nio2",
            "jclouds.filesystem.basedir": str(data),
            "jclouds.identity": access_key,
            "jclouds.credential": secret_key,
        }
        properties = folder / "s3proxy.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return [*_java("s3proxy"), "org.gaul.s3proxy.Main", "--properties", str(properties)]

    return Server("s3proxy", folder, command, environ={}, health="/healthz")


def s3mock(folder: Path) -> Server:
    """Return an S3Mock, not started yet. It asks for no credentials."""
    locate("s3mock")
    tls = free_port()

    def command(port: int) -> list[str]:
        options = (f"--http.port={port}", f"--server.port={tls}", f"--server.address={HOST}")
        return [*_java("s3mock"), "com.adobe.testing.s3mock.S3MockApplication", *options]

    return Server("s3mock", folder, command, environ={}, health="/")


def _java(name: str) -> list[str]:
    return [locate("java"), *_JAVA, "-cp", f"{java_server(name)}/*"]
