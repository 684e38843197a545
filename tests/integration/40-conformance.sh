#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What Consul answered, as recorded, against a real agent: the scenarios of tests/conformance that
# passing.txt names, one TAP line each. A scenario that passes is added there and never lost again.
set -u
top=${TOP_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
DISCO=${DISCO:-${TOP_BUILDDIR:-$PWD}/src/disco}
dir=$top/tests/conformance
unset http_proxy HTTP_PROXY

names=$(sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$dir/passing.txt")
echo "1..$(wc -l <<<"$names")"
n=0
while IFS= read -r line; do
    case $line in
    "ok "*)
        n=$((n + 1))
        echo "ok $n - ${line#ok }"
        ;;
    "not ok "*)
        n=$((n + 1))
        echo "not ok $n - ${line#not ok }"
        ;;
    *) echo "# $line" ;;
    esac
done < <(python3 "$dir/replay.py" --passing "$dir/passing.txt" --overrides "$dir/overrides.json" \
    -j "${CONFORMANCE_JOBS:-2}" --agent-cmd "$DISCO agent {args}" "$dir/public" 2>&1)
