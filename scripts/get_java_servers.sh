#!/usr/bin/env bash
# Obtain servers that Maven has, which tests and load tests run, once, into the user's cache folder, each jar checked
# against the hash that tests/servers/java keeps.
#
#   get_java_servers.sh get NAME      obtain it (elasticmq, s3proxy or s3mock; needs Maven and Java)
#   get_java_servers.sh present NAME  exit 0 if it is there
set -euo pipefail

HERE="$(cd "$(dirname "$0")" && pwd)"
readonly HERE
readonly NAME=${2:-}
readonly FROM="$HERE/../tests/servers/java/$NAME"
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/windrow/java-servers"

# What it was made of is kept beside it.
present() { cmp -s "$FROM/jars.sha256" "$CACHE/$NAME.sha256"; }

get() {
    mkdir -p "$CACHE"
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "$NAME: fetching once into $CACHE"
    bash "$HERE/get_jars.sh" "$FROM" "$work/jars"
    rm -rf "${CACHE:?}/$NAME" "$CACHE/$NAME.sha256"
    mv "$work/jars" "$CACHE/$NAME"
    cp "$FROM/jars.sha256" "$CACHE/$NAME.sha256"
}

[ -n "$NAME" ] && [ -d "$FROM" ] || { echo "usage: get_java_servers.sh get|present elasticmq|s3proxy|s3mock" >&2; exit 2; }
case $1 in
    get) present || get ;;
    present) present ;;
    *) echo "usage: get_java_servers.sh get|present elasticmq|s3proxy|s3mock" >&2; exit 2 ;;
esac
