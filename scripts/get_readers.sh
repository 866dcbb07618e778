#!/usr/bin/env bash
# Obtain readers of archives by other people, which tests/readers tries, once, into the user's cache folder, each in the
# versions and with the hashes that a lock file names. None is installed beside Windrow.
#
#   get_readers.sh get [KIND...]      obtain what is missing (all kinds, if none is named)
#   get_readers.sh present [KIND...]  exit 0 if all are there
set -euo pipefail

HERE="$(cd "$(dirname "$0")" && pwd)"
readonly HERE ROOT="$HERE/.."
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/windrow/readers"
readonly DRIVERS="tests/readers/drivers"
readonly KINDS=(python java node rust spark)

fail() { echo "$*" >&2; exit 1; }

needs() { # PROGRAM KIND
    command -v "$1" >/dev/null || fail "readers: those for $2 need $1"
}

# The files that a kind is made of: what names the versions, and drivers that are built.
files_of() { # KIND
    case $1 in
        python) echo requirements/readers.txt ;;
        java) echo "$DRIVERS"/java/{pom.xml,jars.sha256,Read.java} ;;
        node) echo "$DRIVERS"/node/{package.json,package-lock.json,read.js} ;;
        rust) echo "$DRIVERS"/rust/{Cargo.toml,Cargo.lock,src/main.rs} ;;
        spark) echo requirements/spark.txt ;;
        *) fail "no readers of kind '$1'; there are: ${KINDS[*]}" ;;
    esac
}

made_of() { # KIND
    local files
    files=$(files_of "$1")
    # shellcheck disable=SC2086 # none of them has a space
    (cd "$ROOT" && cat $files)
}

# What it was made of is kept beside it.
present() { made_of "$1" | cmp -s - "$CACHE/$1.lock"; } # KIND

get_python() { # FOLDER
    "${PYTHON:-$(sh "$HERE/find-python.sh")}" -m venv "$1"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
        --require-hashes --requirement "$ROOT/requirements/readers.txt"
}

get_java() { # FOLDER
    needs javac java
    local from="$ROOT/$DRIVERS/java"
    bash "$HERE/get_jars.sh" "$from" "$1"
    javac -cp "$1/*" -d "$1" "$from/Read.java"
}

get_node() { # FOLDER
    needs npm node
    mkdir "$1"
    cp "$ROOT/$DRIVERS"/node/{package.json,package-lock.json,read.js} "$1"
    npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --silent
}

# The Cargo.lock here does not name packages' sources; a lock that Cargo makes itself does. Versions and checksums
# are those of the one that is kept.
get_rust() { # FOLDER
    needs cargo rust
    local from="$ROOT/$DRIVERS/rust" build="$1.build" source
    cp -r "$from" "$build"
    rm "$build/Cargo.lock"
    cargo generate-lockfile --quiet --manifest-path "$build/Cargo.toml"
    source=$(grep -m1 '^source = ' "$build/Cargo.lock")
    sed "s|^checksum = |$source\n&|" "$from/Cargo.lock" >"$build/Cargo.lock"
    cargo build --quiet --release --locked --manifest-path "$build/Cargo.toml" --target-dir "$build/target"
    mkdir "$1"
    mv "$build/target/release/readers" "$1"
}

# Its wheel is made here, by the setuptools that is locked beside it.
get_spark() { # FOLDER
    local install=(-m pip install --quiet --disable-pip-version-check --require-hashes --requirement)
    "${PYTHON:-$(sh "$HERE/find-python.sh")}" -m venv "$1"
    sed -n '/^setuptools==/,/# via/p' "$ROOT/requirements/spark.txt" >"$1/build.txt"
    "$1/bin/python" "${install[@]}" "$1/build.txt"
    "$1/bin/python" "${install[@]}" "$ROOT/requirements/spark.txt" --no-build-isolation
}

# Made beside its place and moved there, so that an interrupted run leaves nothing that looks whole.
get() { # KIND
    if present "$1"; then return; fi
    echo "readers: fetching those for $1 once into $CACHE"
    mkdir -p "$CACHE"
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    "get_$1" "$work/made"
    rm -rf "${CACHE:?}/$1" "$CACHE/$1.lock"
    mv "$work/made" "$CACHE/$1"
    made_of "$1" >"$CACHE/$1.lock"
}

command=${1:-}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- "${KINDS[@]}"
status=0
case $command in
    # A process each: one that fails does not keep the others from being obtained.
    get) for kind; do bash "$0" get-one "$kind" || status=1; done ;;
    get-one) get "$1" ;;
    present) for kind; do present "$kind" || status=1; done ;;
    *) fail "usage: get_readers.sh get|present [KIND...]" ;;
esac
exit "$status"
