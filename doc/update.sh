#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes the parts of the documents that are made from the program's tables: doc/api.md, doc/config.md, and what
# stands between BEGIN and END in the man pages. With --check: only says whether they are up to date.
#
#     DISCO=build/src/disco doc/update.sh [--check]
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
disco=${DISCO:-$top/build/src/disco}
part() { "$disco" debug doc "$1"; }
# replace FILE NAME: FILE with the lines between the markers NAME replaced by stdin
replace() {
    cat >"$temporary/part"
    awk -v name="$2" -v new="$temporary/part" '
        $2 == "BEGIN" && $3 == name { print; while ((getline line < new) > 0) print line; skip = 1; next }
        $2 == "END" && $3 == name { skip = 0 }
        !skip' "$1"
}
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

part api.md >"$temporary/api.md"
part config.md >"$temporary/config.md"
part commands.man | replace "$top/doc/man/disco.1" commands >"$temporary/disco.1"
part options.man | replace "$top/doc/man/disco.conf.5" options >"$temporary/disco.conf.5"
# Of the agent's page only what has a flag.
part options.man | awk '/^\.TP/ { getline head; keep = head ~ /^\.B \\-/; if (keep) print ".TP\n" head; next } keep' |
    replace "$top/doc/man/disco-agent.8" options >"$temporary/disco-agent.8"

status=0
for file in api.md config.md man/disco.1 man/disco.conf.5 man/disco-agent.8; do
    cmp -s "$temporary/${file##*/}" "$top/doc/$file" && continue
    if [ "${1-}" = --check ]; then
        echo "doc/$file is not what the program says; run doc/update.sh" >&2
        status=1
    else
        cp "$temporary/${file##*/}" "$top/doc/$file"
        echo "wrote doc/$file"
    fi
done
exit $status
