#!/usr/bin/env bash
# Run Checkov on infra/: it pins another boto3, so it is installed apart.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/pins.sh
. scripts/pins.sh
python="$(bash scripts/apart.sh "checkov==$CHECKOV")"

# Skips stand beside the resources, each with its reason. Nothing is downloaded or sent.
status=0
found="$("$python" -m checkov.main --directory infra --framework terraform --compact --quiet --skip-download "$@")" || status=$?
echo "$found"
# It passes a file that it cannot read.
if [[ $found == *"Parsing errors"* ]]; then status=1; fi
exit "$status"
