#!/usr/bin/env bash
# Search for known vulnerabilities of the packages in requirements.lock, from a separate virtual environment in the
# user's cache folder. PyPI is asked about each; one that it does not know is a failure too, not a package without any.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly REQUIREMENTS=requirements/pip-audit.txt
venv="$(bash scripts/tools.sh cache)/pip-audit-$(cksum <"$REQUIREMENTS" | tr -d ' ')"

if [ ! -d "$venv" ]; then
    python="$(sh scripts/find-python.sh)"
    mkdir -p "$(dirname "$venv")"
    # Built beside its place and moved, so that an interrupted installation leaves nothing that looks whole.
    work="$(mktemp -d "$venv.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    echo "pip-audit: installing once into $venv"
    "$python" -m venv "$work"
    "$work/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$REQUIREMENTS"
    mv "$work" "$venv"
fi

# By module, since a moved virtual environment's scripts name its old folder. Without pip the lock is taken as it is.
exec "$venv/bin/python" -m pip_audit --strict --disable-pip --require-hashes --requirement requirements.lock "$@"
