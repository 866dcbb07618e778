#!/usr/bin/env bash
# Obtain the optional tools that some tests and the demo use, once, into the user's cache folder.
#
#   tools.sh get [TOOL...] build or fetch (all, if none is named); one on PATH, or in the cache and of the pinned
#                          version, is left alone
#   tools.sh cache         print the cache folder
set -euo pipefail

readonly TOOLS=(minio versitygw toxiproxy lambda-rie terraform-provider readers image-base elasticmq s3proxy s3mock)
# Built only when named: it takes Go a quarter of an hour.
readonly LARGE=(seaweedfs)
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/windrow"
readonly PROVIDER="$CACHE/terraform-plugins"
HERE="$(cd "$(dirname "$0")" && pwd)"
readonly HERE
# shellcheck source=scripts/pins.sh
. "$HERE/pins.sh"

fail() { echo "$*" >&2; exit 1; }

# The name under which a tool is looked for, on PATH and in the cache.
binary_of() {
    case $1 in
        toxiproxy) echo toxiproxy-server ;;
        seaweedfs) echo weed ;;
        *) echo "$1" ;;
    esac
}

# What `go install` builds.
module_of() {
    case $1 in
        minio) echo "github.com/minio/minio@$MINIO" ;;
        versitygw) echo "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW" ;;
        toxiproxy) echo "github.com/Shopify/toxiproxy/v2/cmd/server@$TOXIPROXY" ;;
        seaweedfs) echo "github.com/seaweedfs/seaweedfs@$SEAWEEDFS" ;;
    esac
}

# Whether one is installed that works.
is_on_path() {
    case $1 in
        toxiproxy) toxiproxy-server -version ;;
        seaweedfs) weed version ;;
        *) "$1" --version ;;
    esac >/dev/null 2>&1
}

is_present() {
    case $1 in
        lambda-rie) bash "$HERE/get_rie.sh" present ;;
        readers) bash "$HERE/get_readers.sh" present ;;
        image-base) bash "$HERE/get_image_base.sh" present ;;
        elasticmq | s3proxy | s3mock) bash "$HERE/get_java_servers.sh" present "$1" ;;
        terraform-provider) [ -d "${TF_PLUGIN_DIR:-$PROVIDER}" ] ;;
        *) is_on_path "$1" || [ -x "$CACHE/bin/$(binary_of "$1")" ] ;;
    esac
}

# Whether there is nothing to build: it is the user's own, or the stamp beside the one in the cache names the pin.
is_current() {
    local binary
    binary="$CACHE/bin/$(binary_of "$1")"
    is_present "$1" || return 1
    case $1 in
        lambda-rie | readers | image-base | elasticmq | s3proxy | s3mock) ;;
        terraform-provider)
            [ -n "${TF_PLUGIN_DIR:-}" ] || ls "$PROVIDER"/*/hashicorp/aws/*"_$(locked_provider)_"* >/dev/null 2>&1 ;;
        *) is_on_path "$1" || [ "$(cat "$binary.built-from" 2>/dev/null)" = "$(module_of "$1")" ] ;;
    esac
}

go_install() { GOBIN=$2 go install "$1"; } # MODULE FOLDER

# `go install` refuses a module that replaces others.
build_copy() { # MODULE FOLDER
    local source
    source=$(cd "$2" && go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p') || return 1
    [ -n "$source" ] || return 1
    cp -r "$source" "$2.source" && chmod -R u+w "$2.source" || return 1
    (cd "$2.source" && CGO_ENABLED=0 go build -buildvcs=false -mod=mod -ldflags="-s -w" -o "$2/weed" ./weed)
    local status=$?
    rm -rf "$2.source"
    return "$status"
}

# Build beside the cache and move into place, so that an interrupted build leaves nothing behind.
build_with_go() { # TOOL [HOW]
    command -v go >/dev/null || fail "$1: needs Go to build (it is in every package manager as 'go' or 'golang')"
    local work module binary
    module=$(module_of "$1")
    binary="$CACHE/bin/$(binary_of "$1")"
    mkdir -p "$CACHE/bin"
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    echo "$1: building $module once into $CACHE/bin"
    if ! "${2:-go_install}" "$module" "$work"; then
        rm -rf "$work"
        fail "$1: the build failed, see above"
    fi
    rm -f "$binary.built-from"
    mv "$work"/* "$binary"
    echo "$module" >"$binary.built-from"
    rm -rf "$work"
}

# The version that the examples' lock files name; the tests use the same.
locked_provider() {
    sed -n 's/^  version *= "\(.*\)"$/\1/p' "$HERE/../infra/examples/staging/.terraform.lock.hcl"
}

fetch_provider() {
    command -v terraform >/dev/null || fail "terraform-provider: needs Terraform (developer.hashicorp.com/terraform/install)"
    local work
    mkdir -p "$CACHE"
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    echo "terraform-provider: fetching once into $PROVIDER"
    mkdir "$work/module" "$work/mirror"
    sed "s/^\( *version = \).*/\1\"$(locked_provider)\"/" "$HERE/../infra/versions.tf" >"$work/module/versions.tf"
    if ! terraform -chdir="$work/module" providers mirror "$work/mirror"; then
        rm -rf "$work"
        fail "terraform-provider: fetching failed, see above"
    fi
    rm -rf "$PROVIDER"
    mv "$work/mirror" "$PROVIDER"
    rm -rf "$work"
}

get() {
    if is_current "$1"; then
        echo "$1: present"
        return
    fi
    case $1 in
        minio | versitygw | toxiproxy) build_with_go "$1" ;;
        seaweedfs) build_with_go "$1" build_copy ;;
        lambda-rie) bash "$HERE/get_rie.sh" get ;;
        readers) bash "$HERE/get_readers.sh" get ;;
        image-base) bash "$HERE/get_image_base.sh" get ;;
        elasticmq | s3proxy | s3mock) bash "$HERE/get_java_servers.sh" get "$1" ;;
        terraform-provider) fetch_provider ;;
        *) fail "no tool called '$1'; there are: ${TOOLS[*]} ${LARGE[*]}" ;;
    esac
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
    cache) echo "$CACHE" ;;
    *) fail "usage: tools.sh get [TOOL...] | cache" ;;
esac
