#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Ten thousand reads wait at once: each costs little, a write wakes those who asked about it and no
# others, and clients that hang up are noticed.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
command -v python3 >/dev/null || skip_all "python3 is missing"
ulimit -n "$(ulimit -Hn)"
count=10000
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 11000 ] || count=$((($(ulimit -n) - 300) / 1000 * 1000))
[ $count -ge 1000 ] || skip_all "a process may have but $(ulimit -n) descriptors"
sanitized=
nm "$DISCO" 2>/dev/null | grep -qE '__(asan|tsan)_init' && sanitized=1 count=$((count < 2000 ? count : 2000))

patience=30
[ -z "$sanitized" ] || patience=1
field() { awk -v name="$1" '$1 == name { print int($2) }' <<<"$OUT"; }
for how in one-by-one together; do
    need_agent "$how"
    run python3 "$TOP_SRCDIR/tests/integration/parked.py" "$HTTP_PORT" "$PID" "$count" "$how" "$patience"
    is "$STATUS" 0 "$count reads are parked, come $how" || diag "$ERR"
    diag "${OUT//$'\n'/, }"
    is "$(field parked)" "$count" "each has its connection"
    is "$(field woken)" $((count / 1000)) "a write wakes all who asked about that key"
    is "$(field others)" 0 "and nobody else"
    # 30 s is what is promised; a sanitized agent on a busy machine may take longer
    ok "those who hang up are gone within 30 s" test "$(field gone)" -le $((sanitized ? 100 : 30))
    what="a parked read costs less than 4 KiB, its connection included"
    if [ -n "$sanitized" ]; then
        skip "$what" "memory of a sanitized agent says nothing"
    else
        ok "$what" test "$(field bytes_each)" -lt 4096
    fi
    what="those who hung up have given their memory back within 30 s"
    if [ -n "$sanitized" ]; then
        skip "$what" "memory of a sanitized agent says nothing"
    else
        ok "$what" test "$(field left_each)" -lt 512
    fi
    is "$(field away)" "$count" "all of them wait outside libh2o"
    is "$(curl -s "http://$HTTP/v1/kv/parked/7?raw")" x "the agent is well"
    stop_agent "$how"
done
done_testing
