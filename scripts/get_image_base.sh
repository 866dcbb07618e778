#!/usr/bin/env bash
# Make the bases that images are built on where no registry is asked: the root of a small Debian with Python, for this
# machine and for arm64, once, in the user's cache folder. Packages are only unpacked, their scripts don't run: nothing of
# them is needed for Python.
#
#   get_image_base.sh get      make them (needs mmdebstrap, and root or a user namespace; a minute)
#   get_image_base.sh present  exit 0 if they are there, made as this file says
set -euo pipefail

readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/windrow"
readonly BASE="$CACHE/image-base.tar"
readonly ARM_BASE="$CACHE/image-base-arm64.tar"
readonly SUITE=bookworm
readonly PACKAGES=(
    base-files base-passwd ca-certificates coreutils dash findutils grep libc-bin libssl3 python3-distutils python3-venv sed
)

# What made them is kept beside the first.
present() { cmp -s "$0" "$BASE.recipe" && [ -f "$BASE" ] && [ -f "$ARM_BASE" ]; }

unpack() { # FILE [OPTION...]
    local file=$1 unpacked
    shift
    unpacked=$(IFS=, && echo "${PACKAGES[*]}")
    mmdebstrap --quiet --variant=extract --include="$unpacked" "$@" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' "$SUITE" "$file"
}

get() {
    command -v mmdebstrap >/dev/null || { echo "image-base: needs mmdebstrap" >&2; exit 1; }
    mkdir -p "$CACHE"
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "image-base: unpacking a small Debian once into $CACHE"
    unpack "$work/base.tar"
    unpack "$work/arm64.tar" --architectures=arm64
    rm -f "$BASE.recipe"
    mv "$work/base.tar" "$BASE"
    mv "$work/arm64.tar" "$ARM_BASE"
    cp "$0" "$BASE.recipe"
}

case ${1:-} in
    get) present || get ;;
    present) present ;;
    *) echo "usage: get_image_base.sh get|present" >&2; exit 2 ;;
esac
