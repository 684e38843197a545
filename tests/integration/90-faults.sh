#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Faults: clusters of three and five servers and a client agent in network namespaces, behind a
# switch of ours; killed, paused, cut off, slowed down while clients write, read and compare-and-set.
# Every history must be linearizable (tests/harness/). FAULTS_SECONDS (both together) and FAULTS_SEED
# are yours. Five minutes: the longest of all tests, so it is the first in TESTS.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
seconds=${FAULTS_SECONDS:-300} seed=${FAULTS_SEED:-1}
harness=$TOP_SRCDIR/tests/harness

section "the judge"
ok "knows good histories from bad ones" python3 "$harness/test_linear.py"

try() { # SERVERS SECONDS
    python3 "$harness/faults.py" --servers "$1" --seconds "$2" --seed "$seed" "$DISCO" \
        >"$T/faults.$1" 2>&1
    local status=$?
    if [ $status -eq 77 ]; then
        skip "$1 servers" "$(cat "$T/faults.$1")"
        return
    fi
    diag "$(cat "$T/faults.$1")"
    is $status 0 "$1 servers under faults: linearizable, no write lost, one leader a term, served again"
}
section "a cluster under faults"
try 3 $((seconds * 9 / 20))
try 5 $((seconds * 11 / 20))
done_testing
