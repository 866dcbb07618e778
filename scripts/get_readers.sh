#!/usr/bin/env bash
# Obtain readers of archives by other people, which tests/readers tries, once, into the user's cache folder, each in the
# versions that its lock file names. None is installed beside Windrow.
#
#   get_readers.sh get [KIND...]      obtain what is missing (all kinds, if none is named)
#   get_readers.sh present [KIND...]  exit 0 if all are there
set -euo pipefail

HERE="$(cd "$(dirname "$0")" && pwd)"
readonly HERE ROOT="$HERE/.."
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/windrow/readers"
readonly KINDS=(python)

fail() { echo "$*" >&2; exit 1; }

# What names the versions.
lock_of() {
    case $1 in
        python) echo "$ROOT/requirements/readers.txt" ;;
        *) fail "no readers of kind '$1'; there are: ${KINDS[*]}" ;;
    esac
}

# The lock file that it was made from is kept beside it.
present() { cmp -s "$(lock_of "$1")" "$CACHE/$1.lock"; } # KIND

get_python() { # FOLDER
    "${PYTHON:-$(sh "$HERE/find-python.sh")}" -m venv "$1"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
        --require-hashes --requirement "$(lock_of python)"
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
    cp "$(lock_of "$1")" "$CACHE/$1.lock"
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
