#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# One server with 2,000 services of five checked instances, 100,000 keys and 10,000 reads that wait: memory, CPU, and
# how long after a write those who asked about it know.
#
#   SCALE=0.1 tests/bench/load.sh
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v python3 >/dev/null || skip_all "no python3"
ulimit -n "$(ulimit -Hn)"
need_agent load -log-level WARN
python3 "$TOP_SRCDIR/tests/bench/load.py" "$HTTP_PORT" "$PID" "${SCALE:-1}" | sed 's/^/load: /'
status=${PIPESTATUS[0]}
stop_agent load
exit "$status"
