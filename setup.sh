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
wanted=$(cat requirements.lock pyproject.toml d2l_nin/numpy_names.py | cksum)
if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.ready" 2>/dev/null)" = "$wanted" ] &&
    { [ -z "${PYTHON:-}" ] || [ "$(version "$PYTHON")" = "$(version "$venv/bin/python")" ]; }
then exit 0; fi

case "$(uname -s) $(uname -m)" in
"Darwin arm64") fail \
    "MXNet 1.9.1 has no wheel for Apple silicon." \
    "conda's channel 'defaults' has py-mxnet 1.9.1 for it, Python 3.8 to 3.10 (not" \
    "tried by us): see the section 'Platforms' of README.md." ;;
MINGW*|MSYS*|CYGWIN*) fail \
    "MXNet 1.9.1 has no build for Windows." \
    "Use WSL2: the section 'Platforms' of README.md has the commands." ;;
esac

if [ "$(uname -s)" = Linux ] && ls /lib/ld-musl-* >/dev/null 2>&1; then fail \
    "MXNet 1.9.1 has no build for musl (Alpine Linux)." \
    "Use a Linux with glibc, such as Debian, in a container."; fi

# True for a 64-bit Python, 3.9 to 3.14, that can make a virtual environment.
suits() {
    "$1" -c 'import sys, venv, ensurepip
sys.exit(not (3, 9) <= sys.version_info[:2] < (3, 15) or sys.maxsize < 2**32)' \
        >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"
else set -- python3.11 python3.10 python3.9 python3.12 python3.13 python3.14 \
    python3 python; fi
python=
for candidate in "$@"; do
    if suits "$candidate"; then python=$candidate; break; fi
done

if [ -n "$python" ]; then
    say "Setting up $venv with $("$python" --version) ..."
    "$python" -m venv --clear "$venv"
elif [ -n "${PYTHON:-}" ]; then
    fail "PYTHON=$PYTHON does not run, is not a 64-bit Python 3.9 to 3.14, or has no venv." \
        "Name another, or leave PYTHON unset to let this script look for one."
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

say "Installing the locked packages (a few minutes) ..."
"$venv/bin/python" -m pip install -q --disable-pip-version-check \
    --no-deps --require-hashes -r requirements.lock  # d2l's own pins end at 3.11
"$venv/bin/python" -m pip install -q --disable-pip-version-check \
    --no-deps --no-build-isolation -e .
# JupyterLab asks its makers for news and updates unless it is told not to.
settings=$venv/share/jupyter/lab/settings
mkdir -p "$settings"
printf '%s\n' '{"@jupyterlab/apputils-extension:notification":' \
    '{"fetchNews": "false", "checkForUpdates": false}}' > "$settings/overrides.json"
printf '%s' "$wanted" > "$venv/.ready"
say "Ready."
