#!/usr/bin/env bash
# Obtain the optional tools that some tests and the demo use, once, into the user's cache folder.
#
#   tools.sh get [TOOL...] build or fetch (all, if none is named); one on PATH or in the cache is left alone
#   tools.sh missing       print one line for each absent tool: what is skipped, and how to get it
#   tools.sh cache         print the cache folder
set -euo pipefail

readonly TOOLS=(minio versitygw toxiproxy dynamodb-local lambda-rie)
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/windrow"
HERE="$(cd "$(dirname "$0")" && pwd)"
readonly HERE
readonly POM="$HERE/dynamodb-local.pom.xml"

fail() { echo "$*" >&2; exit 1; }

# The name under which a tool is looked for, on PATH and in the cache.
binary_of() {
    case $1 in
        toxiproxy) echo toxiproxy-server ;;
        *) echo "$1" ;;
    esac
}

is_present() {
    case $1 in
        dynamodb-local) [ -d "$CACHE/dynamodb-local" ] ;;
        lambda-rie) bash "$HERE/get_rie.sh" present ;;
        *) command -v "$(binary_of "$1")" >/dev/null || [ -x "$CACHE/bin/$(binary_of "$1")" ] ;;
    esac
}

# Build beside the cache and move into place, so that an interrupted build leaves nothing behind.
build_with_go() { # TOOL PACKAGE BUILT_NAME
    command -v go >/dev/null || fail "$1: needs Go to build (it is in every package manager as 'go' or 'golang')"
    local work
    mkdir -p "$CACHE/bin"
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    echo "$1: building once into $CACHE/bin"
    if ! GOBIN=$work go install "$2"; then
        rm -rf "$work"
        fail "$1: the build failed, see above"
    fi
    mv "$work/$3" "$CACHE/bin/$(binary_of "$1")"
    rm -rf "$work"
}

fetch_dynamodb_local() {
    command -v mvn >/dev/null || fail "dynamodb-local: needs Maven to fetch ('maven' in every package manager)"
    local work
    mkdir -p "$CACHE"
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    echo "dynamodb-local: fetching once into $CACHE/dynamodb-local"
    if ! mvn --quiet --batch-mode -Dstyle.color=never --file "$POM" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$work"; then
        rm -rf "$work"
        fail "dynamodb-local: fetching failed, see above"
    fi
    mv "$work" "$CACHE/dynamodb-local"
}

get() {
    if is_present "$1"; then
        echo "$1: present"
        return
    fi
    case $1 in
        minio) build_with_go minio github.com/minio/minio@latest minio ;;
        versitygw) build_with_go versitygw github.com/versity/versitygw/cmd/versitygw@latest versitygw ;;
        toxiproxy) build_with_go toxiproxy github.com/Shopify/toxiproxy/v2/cmd/server@latest server ;;
        dynamodb-local) fetch_dynamodb_local ;;
        lambda-rie) bash "$HERE/get_rie.sh" get ;;
        *) fail "no tool called '$1'; there are: ${TOOLS[*]}" ;;
    esac
}

what_is_skipped() {
    case $1 in
        minio) echo "the tests on a real MinIO (make minio; needs Go, 3 minutes once)" ;;
        versitygw) echo "the destination contract on versitygw (make versitygw; needs Go, 2 minutes once)" ;;
        toxiproxy) echo "the network fault tests (make toxiproxy; needs Go, half a minute once)" ;;
        dynamodb-local) echo "the ledger contract on DynamoDB Local (make dynamodb-local; needs Maven, Java 17)" ;;
        lambda-rie) echo "the run of the Lambda zip under AWS's runtime (make lambda-rie; seconds)" ;;
    esac
}

missing() {
    local tool
    for tool in "${TOOLS[@]}"; do
        is_present "$tool" || echo "skipped without $tool: $(what_is_skipped "$tool")"
    done
}

get_all() { # TOOL...; one that fails does not keep the others from being obtained
    local tool status=0
    # A process each: a function called before `||` would run on after an error.
    for tool in "$@"; do bash "$0" get-one "$tool" || status=1; done
    return "$status"
}

case ${1:-} in
    get) shift; if [ $# -eq 0 ]; then get_all "${TOOLS[@]}"; else get_all "$@"; fi ;;
    get-one) get "$2" ;;
    missing) missing ;;
    cache) echo "$CACHE" ;;
    *) fail "usage: tools.sh get [TOOL...] | missing | cache" ;;
esac
