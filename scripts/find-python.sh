#!/bin/sh
# Print the first Python on PATH that Windrow runs on; the tested ones (3.11 to 3.14) come before any newer one.
set -eu

runs() { # COMMAND CONDITION
    "$1" -c "import sys; sys.exit(not ($2))" >/dev/null 2>&1
}

for python in python3 python3.14 python3.13 python3.12 python3.11 python; do
    if runs "$python" '(3, 11) <= sys.version_info < (3, 15)'; then
        command -v "$python"
        exit
    fi
done
for python in python3 python; do
    if runs "$python" 'sys.version_info >= (3, 15)'; then
        command -v "$python"
        exit
    fi
done
echo "Windrow needs Python 3.11 or newer; none was found on PATH (or name one: make PYTHON=/path/to/python)" >&2
exit 1
