#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the packages of packages.txt that are missing, all or those of the sections that are named
# (install-packages.sh build). Does nothing, and needs no rights, when all are there.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
exec </dev/null

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install-packages: this is not a Debian system; install what $here/packages.txt names by your own means" >&2
    exit 0
fi

# A section begins with a line "# NAME" or "# NAME (what for)" behind an empty one.
wanted=$(awk -v sections=" $* " '
    /^$/ { head = 1; next }
    /^#/ { if (head) on = sections == "  " || index(sections, " " $2 " "); head = 0; next }
    { head = 0; sub(/#.*/, ""); gsub(/[[:space:]]/, ""); if (on && $0 != "") print }
' "$here/packages.txt")
# One process for all: "STATUS PACKAGE" lines; packages dpkg never heard of give none.
# shellcheck disable=SC2086
present=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
    sed -n 's/^installed //p' | sort -u)
missing=$(comm -23 <(printf '%s\n' "$wanted" | sort -u) <(printf '%s\n' "$present") | tr '\n' ' ')
[ -n "${missing// /}" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    sudo=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo=(sudo -n)
elif command -v sudo >/dev/null && { : </dev/tty; } 2>/dev/null; then
    sudo=(sudo) # a person at a terminal can type the password
else
    echo "install-packages: these packages are missing and only root can install them: apt-get install ${missing% }" >&2
    exit 1
fi

echo "installing: ${missing% }"
export DEBIAN_FRONTEND=noninteractive
apt() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@"; }
# The lists may be absent (container images) or old; the install tells whether they were good enough.
apt update >/dev/null || echo "install-packages: apt-get update failed; trying with the lists at hand" >&2
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $missing; then
    echo "install-packages: could not install: ${missing% }" >&2
    exit 1
fi
