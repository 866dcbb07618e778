#!/bin/sh
# Lock the packages: requirements.lock for Windrow, and in requirements/ the tools that are installed apart from it.
# Locked versions stay as they are, except with --upgrade. A header names the command, for Renovate.
# Usage: lock.sh PYTHON [ARGUMENT OF uv...]
set -eu
cd "$(dirname "$0")/.."

python=$1
shift

compile() { # FOLDER OUTPUT SOURCE [ARGUMENT...]
    folder=$1
    command="pip compile --generate-hashes --universal --python-version=3.11 --output-file=$2 $3"
    shift 3
    # shellcheck disable=SC2086
    UV_CUSTOM_COMPILE_COMMAND="uv $command" "$python" -m uv --quiet --directory "$folder" $command "$@"
}

compile . requirements.lock "--extra=dev pyproject.toml" "$@"
compile requirements uv.txt uv.in "$@"
compile requirements pip-audit.txt pip-audit.in "$@"
compile requirements readers.txt readers.in "$@"
compile requirements spark.txt spark.in "$@"
compile requirements kubernetes.txt kubernetes.in "$@"
compile requirements awscrt.txt awscrt.in "$@"
compile requirements sbom.txt sbom.in "$@"
# What the image holds, in the versions of the lock above.
compile requirements image.txt "--extra=cli --extra=server --constraint=../requirements.lock ../pyproject.toml" "$@"
# What signs a release, and sends it.
compile requirements release.txt release.in "$@"
