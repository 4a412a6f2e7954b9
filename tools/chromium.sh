#!/bin/sh
# Make sure that there is a chromium, so that the browser test never has a reason to skip.
set -eu

for name in chromium chromium-browser; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "Installing chromium"
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium
    exit 0
fi
echo "The browser test needs chromium. On Debian or Ubuntu: sudo apt-get install chromium" >&2
exit 1
