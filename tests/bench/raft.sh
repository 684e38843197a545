#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Consensus with an empty state machine, one server and three processes, 200-byte entries, beside a
# bare loop of batched pwrite and fdatasync with as many writers; then elections after kill -9 of the
# leader.
#
#   SECONDS_EACH=3 ELECTIONS=10 tests/bench/raft.sh
set -u
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/disco-bench-raft.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
run() { # PROGRAM ARGS: in a directory of its own
    local program=${TOP_BUILDDIR:?}/tests/bench/$1
    shift
    mkdir "$dir/$((++n))" && "$program" "$dir/$n" "$@"
    rm -rf "${dir:?}/$n"
}
run bench_wal "${SECONDS_EACH:-3}" bare | tee "$dir/bare"
for servers in 1 3; do
    run bench_raft $servers "${SECONDS_EACH:-3}" 0 | tee "$dir/raft"
    awk -v servers=$servers '
        { split($0, part, ":"); rate = part[3] + 0; depth = 0
          for (i = 2; i <= NF; i++) if ($i == "in") depth = $(i - 1) }
        FNR == NR { bare[depth] = rate; next }
        depth { printf "raft: %d server%s %6d in flight : %.2f of the bare loop\n", servers,
                (servers > 1 ? "s" : " "), depth, rate / bare[depth] }' "$dir/bare" "$dir/raft"
done
run bench_raft 3 0 "${ELECTIONS:-10}"
