#!/usr/bin/env bash
# Obtain what runs the Lambda zip on this machine, once, into the user's cache folder:
#   bin/aws-lambda-rie       AWS's Lambda runtime interface emulator, as AWS ships it inside the package aws-sam-cli
#   sam-events               the sample events of that package, which tests of the event parser read
#   lambda-runtime/cp3XX     AWS's runtime client for Python (awslambdaric), for one version of Python
# Neither is installed beside Windrow: both would bring versions of their own of what Windrow locks.
#
#   get_rie.sh get [PYTHON]      obtain what is missing (PYTHON: the interpreter that will run the function)
#   get_rie.sh present [PYTHON]  exit 0 if all are there
set -euo pipefail

HERE="$(cd "$(dirname "$0")" && pwd)"
readonly HERE
# shellcheck source=scripts/pins.sh
. "$HERE/pins.sh"
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/windrow"
readonly EMULATOR="$CACHE/bin/aws-lambda-rie"
readonly EVENTS="$CACHE/sam-events"

PYTHON=${2:-${PYTHON:-}}
if [ -z "$PYTHON" ]; then
    # The virtual environment's if it is complete, else the one that it will be made with: the tests run that version.
    if [ -e .venv/.installed ]; then PYTHON=.venv/bin/python; else PYTHON=$(sh "$HERE/find-python.sh"); fi
fi
readonly PYTHON
TAG=$("$PYTHON" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
readonly CLIENT="$CACHE/lambda-runtime/$TAG"

# A stamp beside each names its version.
is_of() { [ "$(cat "$1.version" 2>/dev/null)" = "$2" ]; } # PATH VERSION
emulator_present() { [ -x "$EMULATOR" ] && [ -d "$EVENTS" ] && is_of "$EMULATOR" "$SAM_CLI"; }
client_present() { [ -d "$CLIENT" ] && is_of "$CLIENT" "$RUNTIME_CLIENT"; }
present() { emulator_present && client_present; }

# Fetched beside the cache and moved into place, so that an interrupted run leaves nothing behind.
get() {
    mkdir -p "$CACHE/bin" "$CACHE/lambda-runtime"
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    if ! emulator_present; then
        echo "lambda-rie: fetching once into $CACHE/bin"
        "$PYTHON" -m pip --disable-pip-version-check download --quiet --no-deps --dest "$work" "aws-sam-cli==$SAM_CLI"
        "$PYTHON" - "$work" <<'UNPACK'
import pathlib, platform, sys, zipfile

folder = pathlib.Path(sys.argv[1])
arch = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
(wheel,) = folder.glob("*.whl")
with zipfile.ZipFile(wheel) as package:
    (folder / "rie").write_bytes(package.read(f"samcli/local/rapid/aws-lambda-rie-{arch}"))
    samples = "samcli/lib/generated_sample_events"
    names = [name for name in package.namelist() if name.startswith(samples) and name.endswith(".json")]
    package.extractall(folder, names)
    (folder / samples).rename(folder / "events")
UNPACK
        chmod 755 "$work/rie"
        rm -rf "$EMULATOR.version" "$EVENTS"
        mv "$work/rie" "$EMULATOR"
        mv "$work/events" "$EVENTS"
        echo "$SAM_CLI" >"$EMULATOR.version"
    fi
    if ! client_present; then
        echo "lambda-rie: fetching the runtime client once into $CLIENT"
        "$PYTHON" -m pip --disable-pip-version-check install --quiet --target "$work/client" --only-binary=:all: \
            "awslambdaric==$RUNTIME_CLIENT"
        rm -rf "$CLIENT" "$CLIENT.version"
        mv "$work/client" "$CLIENT"
        echo "$RUNTIME_CLIENT" >"$CLIENT.version"
    fi
}

case ${1:-} in
    get) present || get ;;
    present) present ;;
    *) echo "usage: get_rie.sh get|present [PYTHON]" >&2; exit 2 ;;
esac
