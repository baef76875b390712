#!/bin/sh
# Prints the Python to build environments with: the newest 3.11+ here that really runs and can make environments.
#
# A name on PATH proves nothing (version managers leave shims that only fail), and Debian ships a Python whose `venv`
# module lacks what it needs, so each candidate is run and asked. PYTHON=... overrules the search.
set -eu

usable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

makes_environments() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

search() {
    for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        if usable "$candidate" && makes_environments "$candidate"; then
            # the real path, not that of a shim
            "$candidate" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

search && exit 0

bare=""
for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
    if usable "$candidate"; then
        bare="$candidate"
        break
    fi
done
if [ -z "$bare" ]; then
    echo "No Python 3.11 or newer was found. Install one, or name it: make setup PYTHON=/path/to/python3" >&2
    exit 1
fi

package=$("$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "$bare lacks ensurepip; installing $package with apt-get" >&2
    apt-get update -qq >&2 || true
    apt-get install -y -qq "$package" >&2 || apt-get install -y -qq python3-venv >&2
    search && exit 0
fi
echo "$bare cannot make virtual environments: the package that holds ensurepip is missing." >&2
echo "On Debian and Ubuntu: sudo apt-get install $package   (then run make again)" >&2
exit 1
