"""Member names for S3 keys: safe to extract anywhere, and unique in their archive.

A key stays as it is if it can. A key that had to be changed, or that would collide with another name (two versions of
one key, two keys that differ in case or Unicode form only, a key that is also the folder of another), gets a hash of
its object id before its extension: ``report~1f3a5c7e9b0d.csv``.

The hash itself never collides with another name: a part of a key that already looks like one loses its ``~``, so only
names that got a hash have one; and two names with hashes can only be equal if their hashes are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from unicodedata import normalize

from windrow.core.events import MAX_KEY_BYTES, SourceObject

DATA_FOLDER = "data/"

MAX_PART_BYTES = 255
"""NAME_MAX of Linux and macOS file systems."""

_HASH_DIGITS = (12, 64)
"""Hex digits of the hash: 12, or all 64 if two short hashes are equal."""

MAX_NAME_BYTES = len(DATA_FOLDER) + 2 * MAX_KEY_BYTES + 1 + 1 + _HASH_DIGITS[-1]
"""Longest member name: a key of slashes only, each empty part of which becomes ``_``, with the longest hash."""

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\\\\\ud800-\udfff]")
"""Control characters, line separators, the backslash (a separator on Windows), and surrogates (no UTF-8 form)."""

_HASHED = re.compile(r"~(?:[0-9a-f]{12}|[0-9a-f]{64})(?:\.[a-z0-9]{1,10})?\Z")
_EXTENSION = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,10}\Z")
_NO_PART = frozenset(("", ".", ".."))


def safe_names(sources: Sequence[SourceObject]) -> list[str]:
    """Return a member name ``data/...`` for each object, in the order given.

    The names depend on the set of objects only, not on their order. No name is absolute, has an empty, ``.`` or
    ``..`` part, a part over 255 bytes, a control character or a backslash; no two are equal, or equal but for case or
    Unicode form, and none is the folder of another. The objects must be distinct.

    Raises:
        ValueError: two objects have the same id.
    """
    cleaned = [_clean(source.key) for source in sources]
    hashed = _must_change(sources, cleaned)
    names: list[str] = []
    for digits in _HASH_DIGITS:
        names = [
            DATA_FOLDER + (_with_hash(name, source.object_id, digits) if change else name)
            for source, name, change in zip(sources, cleaned, hashed, strict=True)
        ]
        if len({_fold(name) for name in names}) == len(names):
            return names
    raise ValueError("two of the objects are the same")


def is_safe(name: str) -> bool:
    """Return whether a member name is safe to extract: in ``data/``, sound parts, no longer than a key can make it."""
    return name.startswith(DATA_FOLDER) and _bytes_of(name) <= MAX_NAME_BYTES and _is_sound(name)


def also_folders(names: Iterable[str]) -> set[str]:
    """Return those of the names that are also a folder, at any depth, of another of the names.

    Sorted like this, the names below a folder directly follow its own, so comparing neighbours is enough. (A set of all
    folders of all names takes memory quadratic in the length of the names: 1,100 keys of 1,021 bytes took 1.2 GB.)
    """
    ordered = sorted({name.encode().replace(b"/", b"\0") for name in names})
    return {name.replace(b"\0", b"/").decode() for name, after in pairwise(ordered) if after.startswith(b"%b\0" % name)}


def _must_change(sources: Sequence[SourceObject], cleaned: Sequence[str]) -> list[bool]:
    folded = [_fold(name) for name in cleaned]
    uses = Counter(folded)
    above = also_folders(folded)
    return [
        name != source.key or uses[fold] > 1 or fold in above
        for source, name, fold in zip(sources, cleaned, folded, strict=True)
    ]


def _fold(name: str) -> str:
    """Return the form that file systems compare which ignore case and Unicode form (canonical caseless matching)."""
    if name.isascii():
        return name.lower()
    return normalize("NFD", normalize("NFD", name).casefold())


def _is_sound(path: str) -> bool:
    if _UNSAFE.search(path):
        return False
    parts = path.split("/")
    return _NO_PART.isdisjoint(parts) and max(map(_bytes_of, parts)) <= MAX_PART_BYTES


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _clean(key: str) -> str:
    if "~" not in key and _is_sound(key):
        return key
    return "/".join([_clean_part(part) for part in key.split("/")])


def _clean_part(part: str) -> str:
    if part in _NO_PART:
        return "_"
    part = fit(_UNSAFE.sub("_", part))
    return part.replace("~", "_") if "~" in part and _HASHED.search(_fold(part)) else part


def _with_hash(name: str, object_id: str, digits: int) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + fit(last, f"~{sha256(object_id.encode()).hexdigest()[:digits]}")


def fit(part: str, suffix: str = "", limit: int = MAX_PART_BYTES) -> str:
    """Put ``suffix`` before the extension, and cut the name before it so that the whole has ``limit`` bytes at most."""
    match = _EXTENSION.search(part)
    end = suffix + (match.group() if match else "")
    stem = part[: match.start()] if match else part
    return stem.encode()[: limit - len(end)].decode(errors="ignore") + end
