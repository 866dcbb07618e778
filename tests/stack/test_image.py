"""The worker's images: built as `make image` does, on bases of Debian's packages, without a daemon; run read-only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.archives import archive_of, joined
from tests.stack.test_prometheus import read
from tests.tools import arm_base, locate
from windrow.lab.stack.process import HOST, Process, free_port
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.waiting import wait_until

pytestmark = [
    pytest.mark.needs("buildah", "image-base", "package-index"),
    pytest.mark.slow,
    pytest.mark.timeout(1800),
]

ROOT = Path(__file__).parents[2]
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LISTENS = "9464"
"""The image's port. A container here has the machine's network, where another must be taken."""
MOST_BYTES = 150_000_000


class Builder:
    """buildah with images and containers of its own, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.command = [
            *(locate("buildah"), "--storage-driver", "vfs"),
            *("--root", str(folder / "root"), "--runroot", str(folder / "run")),
        ]
        self.environ = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        named = {name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name[:4] == "PIP_"}
        kept = {name: value for name, value in named.items() if name not in ("cert", "find-links")}
        (folder / "pip.conf").write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in kept.items()))
        self._secrets = ["--secret", f"id=pip.conf,src={folder}/pip.conf"]
        if CERTIFICATES.exists():
            self._secrets += ["--secret", f"id=ca.pem,src={CERTIFICATES}"]

    def __call__(self, *arguments: str) -> str:
        """Run a command of buildah; return what it prints."""
        return self._run([*self.command, *arguments])

    def add_base(self, name: str, tar: str, *options: str) -> None:
        """Make an image of the tar of a root; ``options`` are those of ``buildah config``."""
        working = self("from", "scratch")
        self("add", "--quiet", working, tar, "/")
        self("config", *options, working)
        self("commit", "--quiet", "--disable-compression", working, f"localhost/{name}")
        self("rm", working)

    def make_image(self, tag: str, *arguments: str) -> None:
        """Build the image as `make image` does, with the package index of this machine."""
        script = ("sh", str(ROOT / "scripts/image.sh"), sys.executable)
        options = ("--layers=false", *self._secrets, *arguments)
        self._run([*script, *options], BUILDER=" ".join(self.command), TAG=tag)

    def _run(self, command: list[str], **environ: str) -> str:
        done = subprocess.run(command, env=self.environ | environ, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout.strip()


class Container:
    """A container of the image, whose root nothing can write to, but for /tmp."""

    def __init__(self, builder: Builder, folder: Path) -> None:
        self._buildah = builder
        self.environ = builder.environ
        self._name = builder("from", "windrow")
        self.root = Path(builder("mount", self._name))
        self._tmp = folder / "tmp"
        self._tmp.mkdir()
        self._tmp.chmod(0o1777)
        for name in ("hostname", "hosts", "resolv.conf"):  # buildah mounts its own over them
            (self.root / "etc" / name).touch()
        (self.root / "run").mkdir(exist_ok=True)
        (self.root / "run/.containerenv").touch()

    def command(self, *arguments: str, **environ: str) -> list[str]:
        """Return what runs a command in it."""
        script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
        settings = [f"--env={name}={value}" for name, value in environ.items()]
        run = [*self._buildah.command, "run", *settings, "--volume", f"{self._tmp}:/tmp", self._name, "--", *arguments]
        return ["unshare", "--mount", "sh", "-c", script, "sh", str(self.root), *run]

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command to its end; return its exit code (buildah's own says nothing here) and what it says."""
        ended = self.command("sh", "-c", '"$@" 2>&1; printf %s "$?"', "sh", *arguments)
        done = subprocess.run(ended, env=self.environ, capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        return int(lines.pop()), "\n".join(lines)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """Build the image for this machine."""
    buildah = Builder(tmp_path_factory.mktemp("image"))
    buildah.add_base("base", locate("image-base"))
    buildah.make_image("windrow", "--build-arg", "BASE=localhost/base")
    yield buildah
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")


@pytest.fixture(scope="module")
def container(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Container:
    """Return a container of it."""
    return Container(builder, tmp_path_factory.mktemp("container"))


@pytest.fixture(scope="module")
def config(builder: Builder) -> dict[str, Any]:
    """Return how the image is to be run."""
    found: dict[str, Any] = json.loads(builder("inspect", "--type", "image", "windrow"))["Docker"]["config"]
    return found


def test_image_is_small_and_run_by_nobody(builder: Builder, container: Container, config: dict[str, Any]) -> None:
    """Its user is no account of the machine's; neither it nor its root file system lets anything be written."""
    size = sum(path.lstat().st_size for path in container.root.rglob("*") if not path.is_symlink())
    _, user = container.run("id", "-u")
    _, refused = container.run("touch", "/x", "/var/x", "/opt/windrow/x")
    in_tmp, _ = container.run("sh", "-c", 'touch "$HOME/x"')

    assert size < MOST_BYTES
    assert "10001:10001" == config["User"]
    assert ("10001", 0) == (user, in_tmp)
    assert 3 == refused.count("Read-only file system")


def test_bill_of_materials_is_what_is_installed(container: Container) -> None:
    """Each package of the lock, and Windrow."""
    bill = json.loads((container.root / "opt/windrow/sbom.cdx.json").read_text())
    script = "from importlib.metadata import distributions as d; print(*sorted(e.name + '=' + e.version for e in d()))"
    _, installed = container.run("python", "-c", script)

    assert "CycloneDX" == bill["bomFormat"]
    assert sorted(f"{each['name']}={each['version']}" for each in bill["components"]) == installed.split()
    assert "windrow=" in installed


@pytest.mark.needs("qemu")
def test_image_for_arm64_is_built_here_and_runs(builder: Builder, tmp_path: Path) -> None:
    """On a base of its own: it verifies an archive with its compiled packages, and the handler's others load.

    buildah takes one architecture for all stages, so the base for the first, which runs here, says that it is another.
    """
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(joined(archive_of([(f"{n}", bytes([n]) * 100_000) for n in range(20)])))
    builder.add_base("build-base", locate("image-base"), "--arch", "arm64")
    builder.add_base("arm-base", str(arm_base(Path(locate("image-base")))), "--arch", "arm64")
    bases = ("--build-arg", "BASE=localhost/arm-base", "--build-arg", "BUILD_BASE=localhost/build-base")
    builder.make_image("windrow-arm", "--platform", "linux/arm64", *bases)
    root = Path(builder("mount", builder("from", "--arch", "arm64", "windrow-arm")))
    for file in (locate("qemu"), archive):
        shutil.copy(file, root)

    def run(*arguments: str) -> str:
        emulated = ["chroot", str(root), "/qemu-aarch64-static", "/opt/windrow/bin/python", *arguments]
        return subprocess.run(emulated, capture_output=True, text=True, check=True).stdout

    assert "aarch64\n" == run("-c", "import platform, windrow.functions.aggregate; print(platform.machine())")
    assert "sound: 20 files" in run("-m", "windrow", "archive", "verify", "/archive.tar.gz")


def test_image_delivers(container: Container, config: dict[str, Any], tmp_path: Path) -> None:
    """As it would be started by default, and found healthy while it runs and not otherwise."""
    port = str(free_port())
    health, command = (
        [part.replace(LISTENS, port) for part in parts]
        for parts in (config["Healthcheck"]["Test"][1:], [*config["Entrypoint"], *config["Cmd"]])
    )
    with Stack(tmp_path, Shape(sentinel_s=0, window_s=1), destination="ministack", worker=False) as stack:
        settings = {name: value for name, value in stack.environment().items() if name.startswith(("AWS_", "WINDROW_"))}
        before, refused = container.run(*health)
        worker = Process("worker", tmp_path)
        worker.launch(container.command(*command, "--quiet-wait", "1", **settings), container.environ)
        try:
            wait_until("readiness", lambda: read(f"http://{HOST}:{port}/readyz")[0] == 200, cause=worker.log_tail)
            healthy = container.run(*health)
            boto3.client("s3").put_object(Bucket=stack.outputs.landing_bucket, Key="a", Body=b"from the image")
            page, delivered = f"http://{HOST}:{port}/metrics", "windrow_files_processed_total 1.0"
            wait_until("the file", lambda: delivered in read(page)[1], cause=worker.log_tail)
        finally:
            worker.stop()

    assert (1, (0, "")) == (before, healthy)
    assert "ConnectionRefusedError" in refused
