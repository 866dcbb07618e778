"""Selects the requirements of one target from the lock file: what the code needs at run time, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from windrow.core.errors import PackageError

_VIA = re.compile(r"^\s+# (?:via)?\s*(?P<name>[\w.-]*)")
_HEAD = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)\s*(?:;(?P<marker>[^\\]*))?\\?$")

_NEWEST_GLIBC = {"3.11": 26}
"""Minor version of glibc 2, where it differs from that of Amazon Linux 2023. Python 3.11 runs on Amazon Linux 2:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""
_GLIBC_AL2023 = 34
_OLDEST_GLIBC = 17

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}


class Platform(msgspec.Struct, frozen=True):
    """A Lambda runtime: ``arch`` is arm64 or x86_64, ``python`` a version as in 3.13."""

    arch: str
    python: str

    @property
    def machine(self) -> str:
        """The architecture as Linux and wheels name it."""
        return _MACHINES[self.arch]

    def platforms(self) -> list[str]:
        """Return the wheel platforms that run there, in pip's order of preference: the newest first."""
        newest = _NEWEST_GLIBC.get(self.python, _GLIBC_AL2023)
        versions = [f"manylinux_2_{minor}_{self.machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
        return [*versions, f"manylinux2014_{self.machine}"]

    def markers(self) -> dict[str, str]:
        """Return the environment in which requirement markers are evaluated."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


class _Locked(msgspec.Struct):
    pin: str
    marker: str
    hashes: list[str]
    via: set[str]


def runtime_requirements(dependencies: Iterable[str], lock: str, target: Platform) -> list[str]:
    """Return pip requirements, pinned and with hashes, for the dependencies and all that they need, sorted.

    ``lock`` is a file that ``uv pip compile`` wrote: its ``via`` comments say what needs what.

    Raises:
        PackageError: a dependency is not locked, or a locked package has no hash.
    """
    locked = _parse(lock)
    wanted = {_canonical(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in dependencies}
    unlocked = sorted(wanted - locked.keys())
    if unlocked:
        raise PackageError(f"the lock file lacks {', '.join(unlocked)}; run `make lock`")
    while more := {name for name, entry in locked.items() if name not in wanted and entry.via & wanted}:
        wanted |= more
    return [_requirement(locked[name]) for name in sorted(wanted) if _applies(locked[name].marker, target)]


def _parse(lock: str) -> dict[str, _Locked]:
    entries: dict[str, _Locked] = {}
    current: _Locked | None = None
    for line in lock.splitlines():
        head = _HEAD.match(line)
        if head:
            current = _Locked(f"{head['name']}=={head['version']}", (head["marker"] or "").strip(), [], set())
            entries[_canonical(head["name"])] = current
        elif current is not None:
            current.hashes += re.findall(r"--hash=(\S+)", line)
            via = _VIA.match(line)
            if via and via["name"]:
                current.via.add(_canonical(via["name"]))
    return entries


def _requirement(entry: _Locked) -> str:
    if not entry.hashes:
        raise PackageError(f"{entry.pin} is locked without a hash; run `make lock`")
    return " ".join([entry.pin, *(f"--hash={digest}" for digest in entry.hashes)])


def _applies(marker: str, target: Platform) -> bool:
    """Evaluate a marker for the target; pip would evaluate it for the interpreter that it runs on."""
    if not marker:
        return True
    try:
        from packaging.markers import Marker  # noqa: PLC0415 - a development tool, needed for markers only
    except ImportError as error:
        raise PackageError("this needs the package 'packaging': pip install packaging") from error
    return Marker(marker).evaluate(target.markers())


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
