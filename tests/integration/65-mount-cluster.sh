#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Three servers, a mount on each: what is done on one is seen on the others, by inotify too; locks
# exclude, appends are all kept; and nothing hangs when agents are stopped, killed, without a leader.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

declare -A serf
for i in 1 2 3; do serf[$i]=$(free_port); done
up() { # I...
    local i
    for i in "$@"; do
        : "${agent_http[s$i]:=$(free_port)}" "${agent_dns[s$i]:=$(free_port)}"
        : "${agent_server[s$i]:=$(free_port)}" "${agent_wan[s$i]:=$(free_port)}"
        echo '{"performance": {"raft_multiplier": 1}, "mount": {"inotify": true}}' >"$T/s$i.json"
        "$DISCO" agent -server -bootstrap-expect 3 -node "s$i" -bind 127.0.0.1 -client 127.0.0.1 \
            -data-dir "$T/s$i" -http-port "${agent_http[s$i]}" -dns-port "${agent_dns[s$i]}" \
            -server-port "${agent_server[s$i]}" -serf-lan-port "${serf[$i]}" \
            -serf-wan-port "${agent_wan[s$i]}" -config-file "$T/s$i.json" -mount "$T/m$i" \
            -retry-join "127.0.0.1:${serf[1]}" -retry-join "127.0.0.1:${serf[2]}" \
            -retry-join "127.0.0.1:${serf[3]}" -retry-interval 1s >>"$T/s$i.log" 2>&1 </dev/null &
        agent_pid[s$i]=$!
    done
}
leader() { # as server $1 knows it
    local i address
    address=$(curl -s -m 60 "http://127.0.0.1:${agent_http[s$1]}/v1/status/leader")
    for i in 1 2 3; do
        [ "$address" = "\"127.0.0.1:${agent_server[s$i]}\"" ] && echo $i && return 0
    done
    return 1
}
agree() {
    local i one
    one=$(leader 1) || return 1
    for i in 2 3; do [ "$(leader "$i")" = "$one" ] || return 1; done
}
t() { timeout 120 "$@"; }
K1=$T/m1/kv K2=$T/m2/kv K3=$T/m3/kv
shows() { [ "$(timeout 30 cat "$1" 2>/dev/null)" = "$2" ]; }

up 1 2 3
ok "three servers elect a leader" until_ok 30 agree

section "seen everywhere"
ok "a write on one mount" until_ok 10 bash -c "echo one >'$K1/key'"
for k in "$K2" "$K3"; do ok "is seen on another" until_ok 5 shows "$k/key" one; done
echo two >"$K2/key"
ok "sync of a directory" t sync "$K3"
is "$(t cat "$K3/key")" two "then shows what was committed before"
ino() { t stat -c '%i %s' "$1"; }
is "$(ino "$K1/key")" "$(ino "$K3/key")" "inode numbers are the same"
seconds=${MOUNT_FORWARD_SECONDS:-3}
exits 0 "each reader's view of each key only moves forward and ends current" timeout $((seconds + 60)) python3 \
    "$TOP_SRCDIR/tests/integration/mount_hosts.py" forward "$seconds" "$T/m1" "$T/m2" "$T/m3"
diag "$OUT on three mounts in $seconds s"
exits 0 "a write is what the next open elsewhere shows" timeout 120 python3 \
    "$TOP_SRCDIR/tests/integration/mount_hosts.py" lag 100 "$T/m1" "$T/m2"
diag "median and 99th percentile in ms: $OUT"
append() { for i in $(seq 30); do echo "$2" >>"$1/log"; done; }
append "$K1" a &
one=$!
append "$K2" b &
two=$!
wait $one $two
ok "appends from two hosts" t sync "$K3"
is "$(t sort "$K3/log" | uniq -c | tr -s ' \n' ' ')" " 30 a 30 b " "are all kept"
exits 1 "a write onto what another host has changed" python3 -c "
f = open('$K1/key', 'r+')
f.write('mine')
open('$K2/key', 'w').write('theirs')
f.close()"
like "$ERR" 'Stale file handle' "is refused"

section "inotify"
if command -v inotifywait >/dev/null; then
    t mkdir -p "$K1/w/sub"
    echo x >"$K1/w/old"
    until_ok 5 test -d "$K2/w/sub" -a -f "$K2/w/old"
    inotifywait -q -m -r --format '%e %w%f' "$K2/w" >"$T/events" 2>/dev/null &
    watcher=$!
    saw() { grep -qE "$1" "$T/events"; }
    until_ok 10 bash -c ": >'$K2/w/probe'; grep -q probe '$T/events'"
    echo y >"$K1/w/old"
    ok "modify" until_ok 5 saw "^MODIFY $K2/w/old$"
    echo y >"$K1/w/new"
    ok "create" until_ok 5 saw "^CREATE $K2/w/new$"
    t mv "$K1/w/new" "$K1/w/moved"
    ok "rename, from" until_ok 5 saw "^MOVED_FROM $K2/w/new$"
    ok "rename, to" until_ok 5 saw "^MOVED_TO $K2/w/moved$"
    t mv "$K1/w/moved" "$K1/w/sub/moved"
    ok "to another directory" until_ok 5 saw "^MOVED_TO $K2/w/sub/moved$"
    t mkdir "$K1/w/d"
    ok "mkdir" until_ok 5 saw "^CREATE,ISDIR $K2/w/d$"
    t mv "$K1/w/sub" "$K1/w/sub2"
    ok "rename of a directory" until_ok 5 saw "^MOVED_TO,ISDIR $K2/w/sub2$"
    t rm "$K1/w/old"
    ok "delete" until_ok 5 saw "^DELETE $K2/w/old$"
    t rmdir "$K1/w/d"
    ok "rmdir" until_ok 5 saw "^DELETE,ISDIR $K2/w/d$"
    is "$(t find "$K2/w" | sort | sed "s,$K2/,," | tr '\n' ' ')" \
        "w w/probe w/sub2 w/sub2/moved " "and the tree is what it is"
    kill $watcher
else
    skip "inotify" "no inotifywait"
fi

section "locks"
echo 0 >"$K1/counter"
t sync "$K2" "$K3"
cat >"$T/count.sh" <<'SH'
for i in $(seq 10); do
    exec 9<>"$1/counter.lock"
    flock 9
    sync "$1" # what others wrote before they let go
    n=$(cat "$1/counter")
    echo $((n + 1)) >"$1/counter"
    exec 9>&-
done
SH
for i in 1 2 3; do timeout 120 bash "$T/count.sh" "$T/m$i/kv" & pids[i]=$!; done
wait "${pids[@]}"
t sync "$K1"
is "$(t cat "$K1/counter")" 30 "three hosts count to 30 under flock and lose nothing"
bash -c "exec 9<>'$K1/job'; flock 9; exec sleep 60" &
holder=$!
ok "a lock held on one host" until_ok 5 test -e "$T/m2/locks/job"
like "$(t cat "$T/m2/locks/job")" $'^s1\t' "is shown on another"
exits 1 "and excludes there" t flock -n "$K2/job" true
timeout 120 flock "$K2/job" sh -c "echo got >'$T/got'" &
waiter=$!
kill -KILL $holder
ok "its holder killed, the waiter on the other host gets it" until_ok 5 test -e "$T/got"
wait $waiter

section "nothing hangs"
seconds() { # "what" MAX COMMAND...: it ends, whatever its status, within MAX seconds of a quiet machine
    local what=$1 max=$2 start=$SECONDS
    shift 2
    run timeout -s KILL 200 "$@"
    ok "$what ($((SECONDS - start)) s)" test $((SECONDS - start)) -le $((max * PATIENCE))
}
L=$(leader 1) F=$((L % 3 + 1)) G=$((F % 3 + 1))
kill -KILL "${agent_pid[s$L]}"
wait "${agent_pid[s$L]}" 2>/dev/null
unset "agent_pid[s$L]"
is "$(t cat "$T/m$F/kv/key")" theirs "the leader killed: reads go on"
ok "writes too, as soon as another leads" until_ok 20 bash -c "echo again >'$T/m$F/kv/key'"
ok "and are seen" until_ok 5 shows "$T/m$G/kv/key" again
seconds "a mount whose agent was killed answers at once" 2 cat "$T/m$L/kv/key"
kill -STOP "${agent_pid[s$G]}"
is "$(t cat "$T/m$F/kv/key")" again "without a quorum: reads go on"
seconds "a write fails" 10 cp /etc/hostname "$T/m$F/kv/late"
isnt "$STATUS" 0 "and says so"
seconds "so does rm" 10 rm "$T/m$F/kv/key"
seconds "flock too, or it waits and can be ended" 12 timeout -s TERM 8 flock "$T/m$F/kv/job" true
seconds "who asks the mount of a stopped agent can be killed" 4 timeout -s KILL 2 cat "$T/m$G/kv/absent"
seconds "or interrupted" 4 timeout -s INT -k 1 2 ls "$T/m$G/kv/absent"
kill -CONT "${agent_pid[s$G]}"
ok "with the quorum back, writes go on" until_ok 20 bash -c "echo back >'$T/m$F/kv/key'"
ok "and are seen" until_ok 5 shows "$T/m$G/kv/key" back
for i in $F $G; do
    stop_agent "s$i"
    is "$STATUS" 0 "s$i stops"
done
unmount "$T/m$L"
done_testing
