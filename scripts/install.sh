#!/bin/sh
# Create the virtual environment and install exactly what requirements.lock names, then Windrow itself (editable).
# Usage: install.sh VENV [PYTHON]
set -eu

venv=$1
python=${2:-$(sh "$(dirname "$0")/find-python.sh")}

# An environment whose interpreter is gone (an upgraded or moved Python) cannot be repaired, only made anew.
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Creating $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" || {
        echo "The venv module is incomplete here; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    }
fi

echo "Installing the locked packages into $venv (once, until the lock changes)"
pip() { "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
pip install --require-hashes --requirement requirements.lock
# The build backend is locked too, so nothing is resolved at build time.
pip install --no-deps --no-build-isolation --editable .
