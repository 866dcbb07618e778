"""Safe names: unchanged where possible, harmless and unique always."""

from __future__ import annotations

import random
import re
import sys
import unicodedata
from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.archives import source
from windrow.core.events import MAX_KEY_BYTES
from windrow.core.naming import MAX_NAME_BYTES, also_folders, is_safe, safe_names

TRICKY = st.sampled_from(
    ["/", "//", ".", "..", "a", "A", "b", "~", "~0123456789ab", ".txt", "\n", "\\", " ", "é", "e\u0301", "ﬀ", "ss", "ß"]
)
KEYS = st.one_of(
    st.lists(TRICKY, min_size=1, max_size=8).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.text(st.sampled_from("x/é😀."), min_size=200, max_size=1024),
).map(lambda key: key.encode()[:MAX_KEY_BYTES].decode(errors="ignore"))


def fold(name: str) -> str:
    """Return what a file system compares that ignores case and Unicode form."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def names_of(*keys: str) -> list[str]:
    """Return the names of keys of one archive; an equal key is another version."""
    return safe_names([source(key, version_id=f"v{number}") for number, key in enumerate(keys)])


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "year=2026/part-0001.json",
        "with space/and+plus/100%25/ünïcode/日本語/😀.png",
        ".hidden",
        "..three...dots..",
        "C:/looks/like/windows?*|",
        "2026-11-23T10:07:00Z.json",
        "~tilde/backup~",
        "x" * 255,
        "é" * 127,
        "/".join(["d" * 200] * 5),
    ],
)
def test_an_ordinary_key_stays_as_it_is(key: str) -> None:
    """What extracts without harm on Linux and macOS keeps its name."""
    assert [f"data/{key}"] == names_of(key)


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("/etc/passwd", r"data/_/etc/passwd~[0-9a-f]{12}"),
        ("../../up.txt", r"data/_/_/up~[0-9a-f]{12}\.txt"),
        ("a//b.csv", r"data/a/_/b~[0-9a-f]{12}\.csv"),
        ("folder/", r"data/folder/_~[0-9a-f]{12}"),
        ("/", r"data/_/_~[0-9a-f]{12}"),
        (".", r"data/_~[0-9a-f]{12}"),
        ("new\nline.log", r"data/new_line~[0-9a-f]{12}\.log"),
        ("a\\..\\b", r"data/a_\.\._b~[0-9a-f]{12}"),
        ("nul\x00del\x7f\x85", r"data/nul_del__~[0-9a-f]{12}"),
        ("looks~0123456789ab.txt", r"data/looks_0123456789ab~[0-9a-f]{12}\.txt"),
        ("dir~0123456789ab/f", r"data/dir_0123456789ab/f~[0-9a-f]{12}"),
    ],
)
def test_a_harmful_key_is_changed_and_hashed(key: str, pattern: str) -> None:
    """Parts that could lead astray are replaced, and the hash goes before the extension."""
    (name,) = names_of(key)

    assert re.fullmatch(pattern, name), name


def test_two_versions_of_a_key_both_get_a_hash() -> None:
    """Neither version may overwrite the other when the archive is extracted."""
    first, second = names_of("report.csv", "report.csv")

    assert first != second
    assert all(re.fullmatch(r"data/report~[0-9a-f]{12}\.csv", name) for name in (first, second))


@pytest.mark.parametrize("pair", [("a", "A"), ("é", "e\u0301"), ("straße", "STRASSE"), ("a\x01", "a\x02")])
def test_keys_that_some_file_system_cannot_tell_apart_get_a_hash(pair: tuple[str, str]) -> None:
    """On macOS two names that differ in case or Unicode form only are one file."""
    names = names_of(*pair)

    assert len({fold(name) for name in names}) == 2
    assert all("~" in name for name in names)


def test_a_key_that_is_also_a_folder_gets_a_hash() -> None:
    """``a`` and ``a/b`` are both legal keys, but no file system holds both."""
    file, inner = names_of("A", "a/b")

    assert "data/a/b" == inner
    assert re.fullmatch(r"data/A~[0-9a-f]{12}", file)


def test_a_part_is_cut_at_255_bytes_between_characters() -> None:
    """File systems count bytes, and half a character is not UTF-8."""
    (name,) = names_of("é" * 200 + "/" + "😀" * 100 + ".jpeg")

    _, folder, last = name.split("/")
    assert "é" * 127 == folder
    assert re.fullmatch(r"(😀)+~[0-9a-f]{12}\.jpeg", last)
    assert 250 < len(last.encode()) <= 255


def test_an_attack_on_the_hash_of_another_key_fails() -> None:
    """A key made to look like the name that another key gets is renamed itself."""
    sources = [source("x.txt", version_id="1"), source("x.txt", version_id="2")]
    taken = safe_names(sources)[0].removeprefix("data/")

    names = safe_names([*sources, source(taken), source(f"{taken}/below")])

    assert 4 == len(set(names))
    assert set() == also_folders(names)


def test_an_attack_through_a_ligature_fails() -> None:
    """``ﬀ`` and ``ff`` are one to a file system that ignores case, so a hash can be imitated with it."""
    versions = (source("x.txt", version_id=f"v{number}") for number in range(1000))
    victim = next(src for src in versions if "ff" in sha256(src.object_id.encode()).hexdigest()[:12])
    other = source("x.txt", version_id="other")
    imitation = safe_names([victim, other])[0].removeprefix("data/").replace("ff", "ﬀ", 1)

    folded = {fold(name) for name in safe_names([victim, other, source(imitation), source(f"{imitation}/below")])}

    assert 4 == len(folded)
    assert set() == also_folders(folded)


def test_equal_short_hashes_are_lengthened() -> None:
    """When two short hashes meet, the whole digest tells the names apart. Found among 26 million versions."""
    sources = [source("same.txt", version_id=version) for version in ("v1025401", "v5550673")]
    digests = [sha256(each.object_id.encode()).hexdigest() for each in sources]

    assert digests[0][:12] == digests[1][:12]
    assert [f"data/same~{digest}.txt" for digest in digests] == safe_names(sources)


def test_the_same_object_twice_is_refused() -> None:
    """Two entries for one object would be a file delivered twice."""
    with pytest.raises(ValueError, match="the same"):
        safe_names([source("a"), source("a")])


@given(st.lists(KEYS, min_size=1, max_size=12), st.randoms(use_true_random=False))
@example(["a", "a/b", "A/b", "a//b", "a/_/b"], random.Random(0))
@example(["x~ﬀ0123456789", "x", "x", "x~ﬀ0123456789/y"], random.Random(0))
def test_any_keys_get_harmless_unique_names_whatever_their_order(keys: list[str], rng: random.Random) -> None:
    """Every legal key works beside every other one."""
    sources = [source(key, version_id=f"v{number}") for number, key in enumerate(keys) if key]

    names = safe_names(sources)

    folded = [fold(name) for name in names]
    assert all(is_safe(name) for name in names)
    assert len(set(folded)) == len(names)
    assert set() == also_folders(folded)
    for src, name in zip(sources, names, strict=True):
        assert name == f"data/{src.key}" or re.search(r"~[0-9a-f]{12}(\.\w+)?\Z", name)
    pairs = list(zip(sources, names, strict=True))
    rng.shuffle(pairs)
    assert [name for _, name in pairs] == safe_names([src for src, _ in pairs])


def test_the_longest_name_is_as_long_as_readers_take_and_no_longer() -> None:
    """A key of slashes only becomes the longest name; what is longer is no key's."""
    names = safe_names([source("/" * 1024)])
    longest = "data/" + "/".join(["_"] * 1025) + "~" + "0" * 64

    assert is_safe(names[0])
    assert (MAX_NAME_BYTES, True, False) == (
        len(longest),
        is_safe(longest),
        is_safe(longest.replace("data/", "data/_")),
    )


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "a.", "ab", "ü"]), min_size=1, max_size=5).map("/".join), max_size=8)
)
def test_also_folders_agrees_with_a_plain_reading_of_the_word(names: list[str]) -> None:
    """A name is a folder of another if the other goes on behind it with a slash."""
    expected = {name for name in names if any(other.startswith(f"{name}/") for other in names)}

    assert expected == also_folders(names)


@given(KEYS)
def test_is_safe_agrees_with_a_plain_reading_of_the_rules(key: str) -> None:
    """What the reader refuses is exactly what the writer never makes."""
    parts = key.split("/")
    sound = all(
        part not in ("", ".", "..")
        and len(part.encode()) <= 255
        and not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") or c == "\\" for c in part)
        for part in parts
    )

    assert sound == is_safe(f"data/{key}")


@pytest.mark.parametrize("name", ["", "data", "data/", "x", "/data/x", "MANIFEST.json", "../data/x", "data/\ud800"])
def test_names_outside_the_data_folder_are_not_safe(name: str) -> None:
    """Every file of an archive lives below ``data/``."""
    assert not is_safe(name)


def test_no_character_folds_into_the_mark_of_the_hash() -> None:
    """The proof that hashed names never meet others rests on ``~`` having no other form."""
    found = [chr(code) for code in range(sys.maxunicode + 1) if "~" in fold(chr(code))]

    assert ["~"] == found
