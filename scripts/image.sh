#!/bin/sh
# Build the image of this checkout: the wheel first, then what the Containerfile says.
#
#   image.sh PYTHON [ARGUMENT of the builder...]
#
# BUILDER: buildah, podman or docker (the first that there is); TAG: what the image is called (windrow:VERSION).
# The base is another one by --build-arg BASE=IMAGE, the architecture by --platform linux/arm64. A package index of one's
# own is set by --secret id=pip.conf,src=FILE; if its certificate needs another CA, by --secret id=ca.pem,src=FILE.
set -eu
cd "$(dirname "$0")/.."

python=$1
shift

builder=${BUILDER:-}
for known in buildah podman docker; do
    if [ -z "$builder" ] && command -v "$known" >/dev/null; then builder=$known; fi
done
[ -n "$builder" ] || { echo "image: needs buildah, podman or docker" >&2; exit 1; }

# The builder gets only what the image is made of.
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
"$python" -m hatchling build --target wheel --directory "$context" >/dev/null
cp Containerfile requirements/image.txt requirements/sbom.txt "$context"
wheel=$(basename "$context"/*.whl)
version=${wheel#*-}
version=${version%%-*}

# A form of image that knows health checks; docker has it anyway. Without --platform old builders set no architecture.
export BUILDAH_FORMAT=docker
case " $* " in
    *" --platform"*) ;;
    *) case "$(uname -m)" in
        x86_64) set -- --platform linux/amd64 "$@" ;;
        aarch64 | arm64) set -- --platform linux/arm64 "$@" ;;
    esac ;;
esac
# shellcheck disable=SC2086 # BUILDER may hold options
$builder build --file "$context/Containerfile" --tag "${TAG:-windrow:$version}" \
    --build-arg VERSION="$version" "$@" "$context"
