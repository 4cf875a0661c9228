#!/usr/bin/env bash
# Makes sure that there is a mosquitto: prints its path, or says what to do and fails.
set -euo pipefail
find_it() { command -v mosquitto || { [ -x /usr/sbin/mosquitto ] && echo /usr/sbin/mosquitto; }; }
find_it && exit 0
if command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
        as_root=()
        [ "$(id -u)" = 0 ] || as_root=(sudo -n)
        echo "Installing mosquitto with apt-get" >&2
        export DEBIAN_FRONTEND=noninteractive
        install=("${as_root[@]}" apt-get install -y -q --no-install-recommends mosquitto)
        "${install[@]}" >/dev/null 2>&1 || { "${as_root[@]}" apt-get update -q >/dev/null && "${install[@]}" >/dev/null; }
        find_it && exit 0
    fi
fi
echo "No mosquitto here, and it could not be installed. Debian: sudo apt-get install mosquitto" >&2
exit 1
