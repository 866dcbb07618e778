"""The zips that Lambda runs: arm64 with Python 3.13, built from the wheels of that platform, whatever runs the build.

They can't be run on every machine; `test_package_runs` runs their twins.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from windrow.packaging import DELIVERY, ROTATION, UNZIPPED_LIMIT_BYTES, ZIP_LIMIT_BYTES, Built, Contents, build
from windrow.packaging.lock import Platform

pytestmark = [pytest.mark.needs("package-index"), pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
ARM = Platform("arm64", "3.13")
EM_AARCH64 = 183
"""https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html and its registry of machines"""


@pytest.fixture(scope="module", params=[DELIVERY, ROTATION], ids=["delivery", "rotation"])
def contents(request: pytest.FixtureRequest) -> Contents:
    """Name one of the two."""
    zip_contents: Contents = request.param
    return zip_contents


@pytest.fixture(scope="module")
def built(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build it."""
    return build(ROOT, ARM, tmp_path_factory.mktemp("arm") / "arm.zip", contents)


def test_limits_of_lambda_are_kept(built: Built) -> None:
    """With room: the zip may be uploaded straight, and unpacks to less than a function may have."""
    assert built.bytes < ZIP_LIMIT_BYTES
    assert built.unzipped_bytes < UNZIPPED_LIMIT_BYTES


def test_compiled_code_is_for_arm64(built: Built) -> None:
    """Every shared object is a 64-bit little-endian ELF file for AArch64, and there are some."""
    machines = {}
    with zipfile.ZipFile(built.path) as package:
        for name in package.namelist():
            if ".so" in Path(name).suffixes:
                head = package.read(name)[:20]
                machines[name] = (head[:6], struct.unpack_from("<H", head, 18)[0])
    assert {"deflate", "msgspec", "obstore"} <= {name.split("/", 1)[0].split(".", 1)[0] for name in machines}
    assert {(b"\x7fELF\x02\x01", EM_AARCH64)} == set(machines.values())


def test_second_build_is_the_same(built: Built, contents: Contents, tmp_path: Path) -> None:
    """Byte for byte, by its SHA-256."""
    assert built.sha256 == build(ROOT, ARM, tmp_path / "again.zip", contents).sha256
