#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Consensus with an empty state machine, one server and three processes, 200-byte entries; then
# elections after kill -9 of the leader. tests/bench/wal.sh is the bare loop beside it.
#
#   SECONDS_EACH=3 ELECTIONS=10 tests/bench/raft.sh
set -u
run() { # SERVERS SECONDS ELECTIONS
    dir=$(mktemp -d "${TMPDIR:-/var/tmp}/disco-bench-raft.XXXXXX") || exit 1
    "${TOP_BUILDDIR:?}/tests/bench/bench_raft" "$dir" "$@"
    rm -rf "$dir"
}
run 1 "${SECONDS_EACH:-3}" 0
run 3 "${SECONDS_EACH:-3}" 0
run 3 0 "${ELECTIONS:-10}"
