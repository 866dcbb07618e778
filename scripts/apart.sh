#!/usr/bin/env bash
# Print the Python of a virtual environment in the user's cache folder that holds a package, and nothing of Windrow's: for
# what pins other versions of what Windrow locks. Made on first use.
#
#   apart.sh PACKAGE==VERSION [REQUIREMENT...]
set -euo pipefail
cd "$(dirname "$0")/.."

venv="$(bash scripts/tools.sh cache)/${1/==/-}"

if [ ! -d "$venv" ]; then
    python="$(sh scripts/find-python.sh)"
    mkdir -p "$(dirname "$venv")"
    # Built beside its place and moved, so that an interrupted installation leaves nothing that looks whole.
    work="$(mktemp -d "$venv.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    echo "${1%%==*}: installing once into $venv" >&2
    "$python" -m venv "$work"
    "$work/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    mv "$work" "$venv"
fi
# Its programs name the old folder: run them by module.
echo "$venv/bin/python"
