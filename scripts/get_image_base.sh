#!/usr/bin/env bash
# Make the base that the image is built on where no registry is asked: the root of a small Debian with Python, once, in
# the user's cache folder. Packages are only unpacked, their scripts don't run: nothing of them is needed for Python.
#
#   get_image_base.sh get      make it (needs mmdebstrap, and root or a user namespace; half a minute)
#   get_image_base.sh present  exit 0 if it is there, made as this file says
set -euo pipefail

readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/windrow"
readonly BASE="$CACHE/image-base.tar"
readonly SUITE=bookworm
readonly PACKAGES=(
    base-files base-passwd ca-certificates coreutils dash findutils grep libc-bin libssl3 python3-distutils python3-venv sed
)

# What made it is kept beside it.
present() { cmp -s "$0" "$BASE.recipe" && [ -f "$BASE" ]; }

get() {
    command -v mmdebstrap >/dev/null || { echo "image-base: needs mmdebstrap" >&2; exit 1; }
    mkdir -p "$CACHE"
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "image-base: unpacking a small Debian once into $CACHE"
    local unpacked
    unpacked=$(IFS=, && echo "${PACKAGES[*]}")
    mmdebstrap --quiet --variant=extract --include="$unpacked" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$SUITE" "$work/base.tar"
    rm -f "$BASE.recipe"
    mv "$work/base.tar" "$BASE"
    cp "$0" "$BASE.recipe"
}

case ${1:-} in
    get) present || get ;;
    present) present ;;
    *) echo "usage: get_image_base.sh get|present" >&2; exit 2 ;;
esac
