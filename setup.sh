#!/bin/sh
# Set up .venv: find a Python that MXNet 1.9.1 runs on, install the locked packages,
# then the course itself. Called by the Makefile; safe to call again.
# PYTHON=/path/to/python chooses the interpreter, VENV=folder the place. A venv of
# another Python than the one that is named is made anew.
set -eu
cd "$(dirname "$0")"
venv=${VENV:-.venv}

say() { printf '%s\n' "$*"; }
fail() { for line in "$@"; do printf '%s\n' "$line" >&2; done; exit 1; }

# The first two numbers of a Python's version; nothing if it does not run.
version() { "$1" -c 'import sys; print(*sys.version_info[:2])' 2>/dev/null || true; }

# What was installed is recorded, so that the second start is instant.
wanted=$(cat requirements.lock pyproject.toml d2l_nin/numpy_names.py \
    d2l_nin/course/lab.py | cksum)
if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.ready" 2>/dev/null)" = "$wanted" ] &&
    { [ -z "${PYTHON:-}" ] || [ "$(version "$PYTHON")" = "$(version "$venv/bin/python")" ]; }
then exit 0; fi

system="$(uname -s) $(uname -m)"
case $system in
MINGW*|MSYS*|CYGWIN*) fail \
    "MXNet 1.9.1 has no build for Windows." \
    "Use WSL2: the section 'Platforms' of README.md has the commands." ;;
*" i"[3-6]86|*" armv"*) fail \
    "MXNet 1.9.1 has no build for a 32-bit machine ($system)." \
    "Use a 64-bit Linux: on a Raspberry Pi 3 or later its 64-bit system." ;;
esac

case $system/$(ldd --version 2>&1 || true) in Linux*musl*) fail \
    "MXNet 1.9.1 has no build for musl (Alpine Linux)." \
    "Use a Linux with glibc, such as Debian, in a container: see Dockerfile." ;;
esac

# Where df can't tell, what it prints is no number.
free=$(df -Pk "$(dirname "$venv")" 2>/dev/null |
    { read -r _; read -r _ _ _ kib _; printf '%s' "$kib"; }) || true
case $free in
''|*[!0-9]*) ;;
*) [ "$free" -ge 2097152 ] || fail \
    "The disk of $venv has $((free / 1024)) MiB free; the packages take 2 GiB to install." \
    "Free some space, or choose another disk: VENV=/folder/on/it make run." ;;
esac

if [ -n "${WHEELS:-}" ]; then
    ls "$WHEELS"/*.whl >/dev/null 2>&1 || fail \
        "WHEELS=$WHEELS: expected a folder with wheels, found none." \
        "'make wheels' fills one, on a machine with a network and the same Python."
fi

# True for a 64-bit Python, 3.9 to 3.14, that can make a virtual environment.
suits() {
    "$1" -c 'import sys, venv, ensurepip
sys.exit(not (3, 9) <= sys.version_info[:2] < (3, 15) or sys.maxsize < 2**32)' \
        >/dev/null 2>&1
}

apple() { [ "$system" = "Darwin arm64" ]; }
brings_mxnet() {
    "$1" -c 'import sys, importlib.util as u; sys.exit(not u.find_spec("mxnet"))' \
        >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"
elif apple; then set -- python  # that of the conda environment
else set -- python3.11 python3.10 python3.9 python3.12 python3.13 python3.14 \
    python3 python; fi
python=
for candidate in "$@"; do
    if suits "$candidate" && { ! apple || brings_mxnet "$candidate"; }; then python=$candidate; break; fi
done

if [ -n "$python" ]; then
    say "Setting up $venv with $("$python" --version) ..."
    if apple; then "$python" -m venv --clear --system-site-packages "$venv"
    else "$python" -m venv --clear "$venv"; fi
elif apple; then
    fail "MXNet 1.9.1 has no wheel for Apple silicon, but conda has a build (not tried by us):" \
        "    conda env create -f environment-macos-arm64.yml" \
        "    conda activate d2l-nin" \
        "    make run" \
        "or a Linux container: see the section 'Platforms' of README.md."
elif [ -n "${PYTHON:-}" ]; then
    its=$(version "$PYTHON" | tr ' ' .)
    fail "PYTHON=$PYTHON${its:+, Python $its,} does not run, is not a 64-bit Python 3.9 to 3.14, or has no venv." \
        "Name another, or leave PYTHON unset to let this script look for one."
elif [ -n "${WHEELS:-}" ]; then
    fail "No 64-bit Python 3.9 to 3.14 here, and WHEELS=$WHEELS asks for no network." \
        "Install the Python that the wheels were made for and start again."
else
    say "No 64-bit Python 3.9 to 3.14 here: asking uv for Python 3.11 ..."
    uv=$(command -v uv || true)
    if [ -z "$uv" ] && command -v python3 >/dev/null 2>&1; then
        if python3 -m venv "$venv-uv" >/dev/null 2>&1 &&
            "$venv-uv/bin/python" -m pip install -q uv; then uv=$venv-uv/bin/uv; fi
    fi
    if [ -z "$uv" ] || ! "$uv" venv -q --clear --seed --python 3.11 "$venv"; then
        rm -rf "$venv-uv"
        fail "" "This course needs a 64-bit Python, 3.9 to 3.14." \
            "None was found, and uv could not bring one. Install one of:" \
            "    Debian, Ubuntu   sudo apt-get install python3 python3-venv" \
            "    Fedora           sudo dnf install python3" \
            "    macOS (Intel)    brew install python@3.11" \
            "    any, with conda  conda env create -f environment.yml" \
            "and start again. (With conda: 'conda activate d2l-nin', then" \
            "'PYTHON=python make run'.)"
    fi
    rm -rf "$venv-uv"
fi

if [ "$system" = "Linux aarch64" ]; then  # before minutes are spent
    "$venv/bin/python" d2l_nin/course/arm.py || exit 1
fi

lock=requirements.lock
if apple; then  # MXNet is conda's
    lock=$venv/without-mxnet.lock
    sed '/^mxnet==/,/# via/d' requirements.lock > "$lock"
fi

# Without dependencies: d2l's own pins end at Python 3.11, the lock has them all.
install() {
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps \
        ${WHEELS:+--no-index --find-links "$WHEELS"} "$@" || fail "" \
        "pip could not install the course; its message stands above." \
        "Behind a proxy set HTTPS_PROXY, with an index of your own PIP_INDEX_URL;" \
        "without a network, WHEELS=folder takes what 'make wheels' put there."
}
say "Installing the locked packages (a few minutes) ..."
install --require-hashes -r "$lock"
install --no-build-isolation -e .
if [ "$system" = "Linux aarch64" ]; then
    "$venv/bin/python" d2l_nin/course/arm.py
fi
"$venv/bin/python" d2l_nin/course/lab.py
printf '%s' "$wanted" > "$venv/.ready"
say "Ready."
