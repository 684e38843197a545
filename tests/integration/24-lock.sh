#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `disco lock` lets one run at a time, or so many, whatever ends them; by the recipe that others follow too.
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

MOUNT=$T/mnt
if can_mount; then
    mkdir "$MOUNT"
    need_agent node1 -mount "$MOUNT"
else
    MOUNT=
    need_agent node1
fi
export CONSUL_HTTP_ADDR=$HTTP
kv() { curl -s "http://$HTTP/v1/kv/$1"; }
is_gone() { [ "$(curl -s -o "$T/gone" -w '%{http_code}' "http://$HTTP/v1/kv/$1?recurse")" = 404 ]; }
# The mount keeps one of its own for flock(2).
no_sessions() { ! curl -s "http://$HTTP/v1/session/list" | grep -E 'Consul lock for|"mine"'; }
# A line for a shell that runs until a file is there (or so long that a test has failed anyway).
until_file() { echo "for i in \$(seq 6000); do [ -e $T/$1 ] && exit 0; sleep 0.05; done; exit 9"; }

section "a holder that is killed with no word (its TTL runs while the rest is tried)"
"$DISCO" lock lk/killed "echo \$\$ >$T/orphan; exec sleep 300" &
killed=$!
until_ok 20 test -s "$T/orphan"
"$DISCO" lock lk/killed "date +%s >$T/heir" 2>"$T/heir.err" &
heir=$!
kill -KILL $killed
killed_at=$(date +%s)
wait $killed 2>/dev/null
ok "its child is told to end" until_ok 10 eval '! kill -0 $(cat "$T/orphan")'

section "one child"
exits 0 "it runs" "$DISCO" lock lk/a echo locked
is "$OUT" locked "... and prints"
exits 0 "it fails" "$DISCO" lock lk/a "echo out; exit 3"
is "$OUT/$ERR" "out/Error running handler: exit status 3" "... which is said"
exits 2 "-child-exit-code" "$DISCO" lock -child-exit-code lk/a "exit 3"
exits 0 "-shell=false" "$DISCO" lock -shell=false lk/a echo 'a  $b'
is "$OUT" 'a  $b' "... words as they are"
exits 0 "-verbose" "$DISCO" lock -verbose lk/a true
is "$OUT" "Setting up lock at path: lk/a/.lock
Attempting lock acquisition
Starting handler
Child terminated, releasing lock
Cleanup succeeded" "... tells each step"
exits 0 "its environment" "$DISCO" lock lk/a 'echo $CONSUL_LOCK_HELD'
is "$OUT" true "... has CONSUL_LOCK_HELD"
is "$(echo in | "$DISCO" lock -pass-stdin lk/a cat)$(echo in | "$DISCO" lock lk/a cat)" in "-pass-stdin, and without"
exits 0 "a program that is not there" "$DISCO" lock -shell=false lk/a /does/not/exist
like "$ERR" '^Error running handler: fork/exec /does/not/exist: ' "... says so"
exits 1 "no child" "$DISCO" lock lk/a
is "$ERR" "Key prefix and child command must be specified" "... says so"
exits 1 "a limit of none" "$DISCO" lock -n=0 lk/a true
is "$ERR" "Lock holder limit must be positive" "... says so"
ok "nothing of it stays" is_gone lk/a
put=$(curl -s -X PUT -d mine "http://$HTTP/v1/kv/lk/used/.lock")
exits 1 "a key that something else uses ($put)" "$DISCO" lock lk/used true
is "$ERR" "Lock acquisition failed: Existing key does not match lock use" "... is left alone"

section "two exclude each other"
"$DISCO" lock -name=mine lk/b "touch $T/b.held; $(until_file b.end)" &
first=$!
until_ok 20 test -e "$T/b.held"
like "$(kv lk/b/.lock)" '"LockIndex":1,"Key":"lk/b/.lock","Flags":3304740253564472344,"Value":null,"Session"' \
    "the key as Consul's has it"
is "$(curl -s "http://$HTTP/v1/session/info/$(kv lk/b/.lock | jq -r '.[0].Session')" | jq -c '.[0] | [.Name, .TTL, .Behavior]')" \
    '["mine","15s","release"]' "... and the session, with its name"
try_at=$SECONDS
exits 1 "-try ends the wait" "$DISCO" lock -try=300ms lk/b echo second
is "$OUT/$ERR" "/Shutdown triggered or timeout during lock acquisition" "... and says so"
ok "... when it is over, not at the end of the lock" test $((SECONDS - try_at)) -lt 60
exits 1 "-timeout too" "$DISCO" lock -timeout=100ms lk/b echo second
session=$(curl -s -X PUT "http://$HTTP/v1/session/create" | jq -r .ID)
is "$(curl -s -X PUT "http://$HTTP/v1/kv/lk/b/.lock?acquire=$session")" false "the recipe over HTTP waits too"
curl -s -X PUT "http://$HTTP/v1/session/destroy/$session" >/dev/null
if [ -n "$MOUNT" ] && command -v flock >/dev/null; then
    fails "flock(2) on the mount waits too" flock -n "$MOUNT/kv/lk/b/.lock" true
else
    skip "flock(2) on the mount" "no mount here"
fi
"$DISCO" lock lk/b "date +%s%N >$T/b.second" &
second=$!
# a time in which nothing may happen
fails "a second waits" until_ok 0 test -e "$T/b.second"
date +%s%N >"$T/b.ended"
touch "$T/b.end"
ok "... until the first ends" until_ok 10 test -s "$T/b.second"
wait $first $second
ok "... and not before" test "$(cat "$T/b.second")" -gt "$(cat "$T/b.ended")"
ok "nothing of it stays" is_gone lk/b
if [ -n "$MOUNT" ] && command -v flock >/dev/null; then
    flock "$MOUNT/kv/lk/f.lock" true
    mkdir -p "$MOUNT/kv/lk/f"
    flock "$MOUNT/kv/lk/f/.lock" -c "touch $T/f.held; $(until_file f.end)" &
    first=$!
    until_ok 20 test -e "$T/f.held"
    exits 1 "and waits for one who holds it by flock(2)" "$DISCO" lock -try=300ms lk/f true
    touch "$T/f.end"
    wait $first
    exits 0 "... but not longer" "$DISCO" lock -try=20s lk/f true
fi
# eight at once add one to a number in a file, each reading and writing it apart; the sleep lets those
# in that are not kept out
echo 0 >"$T/count"
pids=()
for _ in 1 2 3 4 5 6 7 8; do
    "$DISCO" lock lk/count "n=\$(cat $T/count); sleep 0.05; echo \$((n + 1)) >$T/count" &
    pids+=($!)
done
wait "${pids[@]}"
is "$(cat "$T/count")" 8 "eight that come at once go one after the other"

section "signals, and a lock that is lost"
"$DISCO" lock -verbose lk/sig "trap 'echo told >$T/told; exit 0' TERM; touch $T/sig.held; $(until_file never)" >"$T/sig.out" &
pid=$!
until_ok 20 test -e "$T/sig.held"
kill -TERM $pid
wait $pid
is "$?$(cat "$T/told")" 0told "a signal goes to the child"
like "$(cat "$T/sig.out")" 'Shutdown triggered, killing child' "... and ends the lock"
ok "... which is released" is_gone lk/sig
"$DISCO" lock lk/lost "trap 'echo term >$T/lost.told; trap \"\" TERM' TERM; touch $T/lost.held; $(until_file never)" 2>"$T/lost.err" &
pid=$!
until_ok 20 test -e "$T/lost.held"
lost_at=$(date +%s)
curl -s -X PUT "http://$HTTP/v1/session/destroy/$(kv lk/lost/.lock | jq -r '.[0].Session')" >/dev/null
ok "a lock that is lost: the child gets SIGTERM" until_ok 10 test -s "$T/lost.told"
wait $pid
is "$? $(cat "$T/lost.err")" "1 Lock lost" "... the status is 1"
ok "... and SIGKILL five seconds later" test $(($(date +%s) - lost_at)) -ge 4
fails "... so that nothing runs on" pgrep -f "touch $T/lost.held"

section "three at a time"
for i in 1 2 3 4 5; do
    "$DISCO" lock -n=3 lk/sem "touch $T/sem.$i; $(until_file sem.end)" &
    pids[i]=$!
done
sem_n() { [ "$(find "$T" -name 'sem.[1-5]' | wc -l)" = "$1" ]; }
ok "three of five hold it" until_ok 20 sem_n 3
lock=$(kv lk/sem/.lock)
is "$(jq -c '.[0].Value | @base64d | fromjson | .Limit, (.Holders | length)' <<<"$lock" | tr '\n' ' ')" "3 3 " \
    "the key as Consul's has it"
like "$lock" '"Flags":16210313421097356768,' "... with its flags"
holder=$(jq -r '.[0].Value | @base64d | fromjson | .Holders | keys[0]' <<<"$lock")
is "$(kv "lk/sem/$holder" | jq -r '.[0].Session')" "$holder" "... and each contender's"
exits 1 "another limit does not fit" "$DISCO" lock -n=2 lk/sem true
is "$ERR" "Lock acquisition failed: semaphore limit conflict (lock: 3, local: 2)" "... and says so"
exits 1 "-try of one place too many" "$DISCO" lock -n=3 -try=300ms lk/sem true
ok "never more" sem_n 3
touch "$T/sem.end"
wait "${pids[@]}"
ok "then the others" sem_n 5
ok "nothing of it stays" until_ok 5 is_gone lk/sem

section "the heir"
wait $heir
after=$(($(cat "$T/heir") - killed_at))
ok "got the lock when the session's TTL and its lock-delay were over ($after s)" test $after -ge 15 -a $after -le 200
ok "no session is left" until_ok 5 no_sessions
done_testing
