#!/usr/bin/env bash
# Run a command as on a machine with nothing but Python, make and plain shell tools: PATH is a folder of its own that
# holds these alone, the home is empty, and with it the caches.
#
#   bare.sh COMMAND [ARGUMENT...]      PYTHON=/path/to/python names another Python
set -euo pipefail

# POSIX's utilities, bash and the few that every Linux and macOS has beside them.
readonly PLAIN=(
    awk basename bash cat chmod cmp cp cut date diff dirname env expr false find grep gzip head id kill ln ls make mkdir
    mktemp mv nice nohup od printf ps pwd rm rmdir sed seq sh sleep sort stat tail tar tee test touch tr true uname
    uniq wc which xargs
)

python=${PYTHON:-$(sh "$(dirname "$0")/find-python.sh")}
# The interpreter itself: what is on PATH may be a version manager's shim, or belong to a virtual environment.
python=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/bin" "$place/home" "$place/tmp"
for tool in "${PLAIN[@]}"; do
    path=$(type -P "$tool") && ln -s "$path" "$place/bin/$tool"
done
# Not a link, which virtual environments would lead to and which is gone afterwards.
printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" >"$place/bin/python3"
chmod 755 "$place/bin/python3"

# How this machine reaches a package index stays; nothing else does.
kept=()
while IFS='=' read -r name _; do
    case $name in
        PIP_* | SSL_CERT_* | *_proxy | *_PROXY | LANG | TERM | NO_COLOR) kept+=("$name=${!name}") ;;
    esac
done < <(env)

env -i "${kept[@]}" PATH="$place/bin" HOME="$place/home" TMPDIR="$place/tmp" "$@"
