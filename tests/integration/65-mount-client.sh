#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Three servers and two agents without a log that have mounts: what is done on one mount is seen on
# the other, on a server's and by HTTP; tools work, locks exclude; the server that is followed dies.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

declare -A serf
names=(s1 s2 s3 c1 c2)
for n in "${names[@]}"; do
    serf[$n]=$(free_port) agent_http[$n]=$(free_port) agent_dns[$n]=$(free_port)
    agent_server[$n]=$(free_port)
done
up() { # NAME...
    local n args
    for n in "$@"; do
        args=(-retry-interval 1s -mount "$T/m-$n")
        if [[ $n == s* ]]; then
            : "${agent_wan[$n]:=$(free_port)}"
            args+=(-server -bootstrap-expect 3 -serf-wan-port "${agent_wan[$n]}")
        fi
        for s in s1 s2 s3; do args+=(-retry-join "127.0.0.1:${serf[$s]}"); done
        echo '{"performance": {"raft_multiplier": 1}, "mount": {"inotify": true}}' >"$T/$n.json"
        "$DISCO" agent -node "$n" -bind 127.0.0.1 -client 127.0.0.1 -data-dir "$T/$n" \
            -http-port "${agent_http[$n]}" -dns-port "${agent_dns[$n]}" \
            -server-port "${agent_server[$n]}" -serf-lan-port "${serf[$n]}" \
            -config-file "$T/$n.json" "${args[@]}" >>"$T/$n.log" 2>&1 </dev/null &
        agent_pid[$n]=$!
    done
}
api() { # NAME PATH CURL-OPTION...
    local n=$1 path=$2
    shift 2
    curl -s -m 60 "http://127.0.0.1:${agent_http[$n]}$path" "$@"
}
t() { timeout 120 "$@"; }
K1=$T/m-c1/kv K2=$T/m-c2/kv KS=$T/m-s1/kv
shows() { [ "$(timeout 30 cat "$1" 2>/dev/null)" = "$2" ]; }
led() { api "$1" /v1/status/leader | grep -q 127; }

section "before there is a server"
up c1
ok "a mount" until_ok 10 grep -q ' mounted' "$T/c1.log"
timeout 120 cat "$K1/early" >/dev/null 2>"$T/early" &
early=$!
ok "a reader waits for the state" kill -0 $early # it may not be answered from nothing
up s1 s2 s3 c2
for n in "${names[@]}"; do ok "$n knows a leader" until_ok 30 led "$n"; done
wait $early
like "$(cat "$T/early")" 'No such file' "and is answered when it is there"

section "history"
ok "a write" until_ok 20 bash -c "echo first >'$K1/old' 2>/dev/null"
before=$(t readlink "$T/m-c1/.snapshot/latest")
modified=$(t getfattr --absolute-names --only-values -n user.disco.index "$K1/old")
ok "and another, by HTTP" [ "$(api c2 /v1/kv/old -X PUT -d second)" = true ]
ok "is seen" until_ok 5 shows "$K1/old" second
is "$(t cat "$T/m-c1/.snapshot/$before/kv/old")" first "what it replaced is there at its index"
is "$(t cat "$T/m-c1/.snapshot/latest/kv/old")" second "latest is now"
ok "cp brings it back" t cp "$T/m-c1/.snapshot/$modified/kv/old" "$K1/old"
ok "for all" until_ok 5 shows "$K2/old" first
like " $(t ls "$T/m-c1/.snapshot" | tr '\n' ' ')" " [0-9]+ .*latest " "ls names the indexes"
fails "what was before the copy began is not there" t ls "$T/m-c1/.snapshot/1/kv"

section "seen everywhere"
ok "a write on a client's mount" until_ok 20 bash -c "echo value >'$K1/key1' 2>/dev/null"
is "$(t cat "$K1/key1")" value "is there"
is "$(api c2 /v1/kv/key1?raw)" value "by HTTP of another client"
ok "on another client's mount" until_ok 5 shows "$K2/key1" value
ok "on a server's" until_ok 5 shows "$KS/key1" value
is "$(api c1 /v1/kv/put -X PUT -d byhttp)" true "PUT through a client"
is "$(t cat "$K1/put")" byhttp "is on its mount with the answer"
is "$(t stat -c %s "$K1/put")" 6 "with its size"
echo two >"$K2/key1"
ok "sync of a directory" t sync "$K1"
is "$(t cat "$K1/key1")" two "then shows what was committed before"
ino() { t stat -c '%i %s' "$1"; }
is "$(ino "$K1/key1")" "$(ino "$KS/key1")" "inode numbers are a server's"
exits 0 "each reader's view of each key only moves forward and ends current" timeout 120 python3 \
    "$TOP_SRCDIR/tests/integration/mount_hosts.py" forward 3 "$T/m-c1" "$T/m-c2" "$T/m-s1"
diag "$OUT on three mounts in 3 s"
exits 0 "a write is what the next open elsewhere shows" timeout 120 python3 \
    "$TOP_SRCDIR/tests/integration/mount_hosts.py" lag 100 "$T/m-c1" "$T/m-c2"
diag "median and 99th percentile in ms: $OUT"

section "tools"
mkdir -p "$T/tree/a/b"
for i in $(seq 40); do echo "line $i" >"$T/tree/a/b/$i"; done
ok "cp -a" t cp -a "$T/tree" "$K1/tree"
ok "sync" t sync "$K2"
ok "is the same on another" t diff -r "$T/tree" "$K2/tree"
is "$(t grep -rl 'line 7$' "$K2/tree")" "$K2/tree/a/b/7" "grep -r"
is "$(t find "$K2/tree" -type f | wc -l)" 40 "find"
ok "mv of a directory" t mv "$K2/tree" "$K2/moved"
ok "sed -i" t sed -i s/line/word/ "$K2/moved/a/b/7"
t sync "$K1"
is "$(t cat "$K1/moved/a/b/7")" "word 7" "both are seen on the first"
ok "rm -r" t rm -r "$K1/moved"
t sync "$KS"
fails "all of it is gone" test -e "$KS/moved"
append() { for i in $(seq 20); do echo "$2" >>"$1/log"; done; }
append "$K1" a &
one=$!
append "$K2" b &
two=$!
wait $one $two
t sync "$KS"
is "$(t sort "$KS/log" | uniq -c | tr -s ' \n' ' ')" " 20 a 20 b " "appends from two clients are kept"
api c2 /v1/agent/service/register -X PUT -d '{"Name":"search","Port":9200}'
service() { t cat "$T/m-c1/services/search/nodes" 2>/dev/null | grep -q '^c2'; }
ok "a service of one client is a file on the other" until_ok 10 service
is "$(t cat "$T/m-c1/leader")" "$(api s1 /v1/status/leader | tr -d '"')" "leader"
is "$(t cut -f1 "$T/m-c1/members" | sort | xargs)" "c1 c2 s1 s2 s3" "members"
is "$(t getfattr --only-values -n user.disco.index "$K1/put" 2>/dev/null)" \
    "$(api s2 /v1/kv/put | jq .[0].ModifyIndex)" "extended attributes"

section "locks and watching"
t flock "$K1/lock" bash -c "touch '$T/held'; until [ -e '$T/let' ]; do :; done" &
holder=$!
ok "flock on one client" until_ok 10 test -e "$T/held"
exits 1 "excludes the other" t flock -n "$K2/lock" true
touch "$T/let"
wait $holder
ok "which has it afterwards" t flock -w 10 "$K2/lock" true
if command -v inotifywait >/dev/null; then
    timeout 120 inotifywait -q -m -e close_write,create "$K1" >"$T/inotify" 2>/dev/null &
    seen() { t sh -c "date +%N >'$K2/watched'"; grep -q watched "$T/inotify"; }
    ok "inotify on one tells of the other's" until_ok 10 seen
else
    skip "inotify on one tells of the other's" "inotifywait is not installed"
fi

echo fired >"$T/m-c1/events/deploy"
for n in c1 c2 s1; do ok "an event fired on one mount is in the file on $n" until_ok 10 grep -q fired "$T/m-$n/events/deploy"; done

section "servers lost"
followed=$(ss -Htnp 2>/dev/null | grep "pid=${agent_pid[c1]}," |
    grep -oE "127.0.0.1:($(IFS='|'; echo "${agent_server[s1]}|${agent_server[s2]}|${agent_server[s3]}")) " | head -n 1)
for n in s1 s2 s3; do
    [ "127.0.0.1:${agent_server[$n]} " = "$followed" ] && victim=$n
done
victim=${victim:-s1}
stop_agent $victim KILL
ok "a read goes on when one is killed" shows "$K1/put" byhttp
again() { timeout 20 sh -c "echo again >'$K1/key1'" 2>/dev/null; }
ok "a write does, too" until_ok 15 again
ok "and is seen on the other client" until_ok 10 shows "$K2/key1" again
rest=(s1 s2 s3)
for n in "${rest[@]}"; do [ "$n" = "$victim" ] || { stop_agent "$n" KILL; break; }; done
ok "without a leader reads go on" shows "$K1/key1" again
start=$SECONDS
fails "a write fails" timeout 120 dd if=/etc/hostname of="$K1/key1" conv=fsync
ok "within a bound" [ $((SECONDS - start)) -le 60 ]
up $victim
more() { timeout 20 sh -c "echo more >'$K1/key1'" 2>/dev/null; }
ok "a server comes back: writes go on" until_ok 30 more
ok "on the other client" until_ok 15 shows "$K2/key1" more
for n in c1 c2; do stop_agent $n TERM; done
fails "the mounts are gone" grep -q "$T/m-c" /proc/mounts
done_testing
