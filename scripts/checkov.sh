#!/usr/bin/env bash
# Run Checkov on infra/, from a virtual environment of its own in the user's cache folder: it pins another boto3.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/pins.sh
. scripts/pins.sh
venv="$(bash scripts/tools.sh cache)/checkov-$CHECKOV"

if [ ! -d "$venv" ]; then
    python="$(sh scripts/find-python.sh)"
    mkdir -p "$(dirname "$venv")"
    # Built beside its place and moved, so that an interrupted installation leaves nothing that looks whole.
    work="$(mktemp -d "$venv.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    echo "checkov: installing once into $venv"
    "$python" -m venv "$work"
    "$work/bin/python" -m pip install --quiet --disable-pip-version-check "checkov==$CHECKOV"
    mv "$work" "$venv"
fi

# Skips stand beside the resources, each with its reason. Nothing is downloaded or sent. By module, since a moved
# virtual environment's scripts name its old folder.
exec "$venv/bin/python" -m checkov.main --directory infra --framework terraform --compact --quiet --skip-download "$@"
