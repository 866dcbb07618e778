#!/usr/bin/env bash
# Run Parliament, a linter of IAM policies, on policies as JSON: it needs an old setuptools, so it is installed apart.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/pins.sh
. scripts/pins.sh
python="$(bash scripts/apart.sh "parliament==$PARLIAMENT" "setuptools<81")" # it imports pkg_resources

exec "$python" -W ignore -c 'from parliament.cli import cli; cli()' "$@"
