#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Open files, working directories, locks and waiting requests go on when the agent is killed or restarted under
# `disco hold`, which speaks systemd's protocol of kept descriptors; and when they cannot, it is said at once.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"
kernel=$(uname -r)
[ "$(printf '%s\n' 6.9 "$kernel" | sort -V | head -n 1)" = 6.9 ] || skip_all "Linux $kernel sends nothing again"

M=$T/m K=$T/m/kv
export AGENT_WRAP="$DISCO hold"
need_agent node1 -mount "$M" -pid-file "$T/pid"
t() { timeout -s KILL 20 "$@"; }
tell() { # python's TAP becomes ours
    local line
    while read -r line; do
        case $line in
        "ok "*) tap_result 0 "${line#* - }" ;;
        "not ok "*) tap_result 1 "${line#* - }" ;;
        1..*) ;;
        *) diag "$line" ;;
        esac
    done
}
survive() { tell < <(timeout -s KILL 300 python3 "$TOP_SRCDIR/tests/integration/mount_survive.py" "$@" 2>&1); }

section "each kind of open file"
survive open "$M" "$T/pid" "$PID"

section "at any moment"
survive busy "$M" "$T/pid" "${SURVIVE_ROUNDS:-10}"

section "when it cannot go on"
echo 1 >"$K/unread" # what was read the kernel may have kept
exec 5<"$K/unread"
stop_agent node1
is "$STATUS" 0 "told to end, hold and agent end"
fails "and nothing is mounted" is_mounted "$M"
fails "what was open is lost, and says so" t cat <&5
exec 5<&-
need_agent node1 -mount "$M" -pid-file "$T/pid"
echo 1 >"$K/one"
exec 5<"$K/one"
kill -STOP "$PID" # hold cannot start another
agent=$(cat "$T/pid")
kill -KILL "$agent"
t cat "$K/one" >/dev/null 2>&1 &
waiter=$!
kill -KILL "$PID"
until_ok 20 bash -c "! kill -0 $waiter"
fails "hold killed too: who waits ends" wait "$waiter"
fails "and what is open says so" t cat <&5
exec 5<&-
wait "$PID" 2>/dev/null
unset "agent_pid[node1]"
need_agent node1 -mount "$M" -pid-file "$T/pid"
is "$(t cat "$K/one")" 1 "the next is mounted over it"

section "nobody starts it again"
# Who tells the kernel what to forget waits for what the agent was to answer: the agent ends all the same.
stop_agent node1
unset AGENT_WRAP
cat >"$T/change.py" <<'PY'
import os, sys
for i in range(10**9):
    p = f"{sys.argv[1]}/x{i % 20}"
    try:
        open(p, "x").write("x"), os.rename(p, p + "y"), os.mkdir(p), os.listdir(sys.argv[1]), os.rmdir(p), os.unlink(p + "y")
    except OSError as e:
        if e.errno in (103, 107):
            break
PY
changed() { [ -n "$(find "$K" -mindepth 1 | head -n 1)" ]; }
for round in 1 2 3; do
    need_agent node2 -mount "$M"
    python3 "$T/change.py" "$K" & one=$!
    python3 "$T/change.py" "$K" & two=$!
    until_ok 10 changed
    kill -KILL "$PID"
    ok "$round: killed while names change, it ends" until_ok 20 bash -c "! kill -0 $PID"
    kill -KILL $one $two 2>/dev/null
    ok "$round: and who changed them" until_ok 20 bash -c "! kill -0 $one && ! kill -0 $two"
    wait "$PID" $one $two 2>/dev/null
    unset "agent_pid[node2]"
done
done_testing
