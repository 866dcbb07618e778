#!/usr/bin/env bash
# Fetch the jars that FOLDER/pom.xml names into the folder TO, each checked against the hash that FOLDER/jars.sha256 keeps.
#
#   get_jars.sh FOLDER TO
set -euo pipefail
from=$(cd "$1" && pwd)
readonly from to=$2

command -v mvn >/dev/null || { echo "$from: needs Maven" >&2; exit 1; }
mvn --quiet --batch-mode --file "$from/pom.xml" dependency:copy-dependencies -DoutputDirectory="$to"
(cd "$to" && sha256sum --quiet --strict --check "$from/jars.sha256")
# Maven may bring a jar that the list does not know.
if [ "$(find "$to" -name '*.jar' | wc -l)" -ne "$(wc -l <"$from/jars.sha256")" ]; then
    echo "$from/jars.sha256 lacks a jar" >&2
    exit 1
fi
