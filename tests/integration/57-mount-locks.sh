#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# flock on the mount is a lock of the cluster: it excludes and is excluded by the recipe over HTTP,
# waits, can be interrupted, ends with its process, is shown, and its loss is told.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m K=$T/m/kv
need_agent node1 -mount "$M"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
t() { timeout 120 "$@"; }
holder() { api "/v1/kv/$1" | jq -r '.[0].Session // "none"'; }
is_free() { [ "$(holder "$1")" = none ]; }
hold() { bash -c "exec 9<>'$K/$1'; flock 9; exec sleep 60" & } # one process, which has the lock
is_held() { ! is_free "$1"; }

section "one at a time"
ok "flock of a new key" t flock "$K/lock" true
ok "makes it" api /v1/kv/lock
ok "and lets it go" until_ok 5 is_free lock
echo value >"$K/lock"
hold lock
first=$!
ok "held" until_ok 5 is_held lock
is "$(t cat "$K/lock")" value "the value stays"
exits 1 "flock -n of another" t flock -n "$K/lock" true
exits 1 "flock -w too" t flock -w 0.3 "$K/lock" true
session=$(holder lock)
is "$(t cat "$M/locks/lock")" $'node1\t'"$session"$'\tmount '"$M" "locks/ shows the holder"
is "$(t ls "$M/locks")" lock "as the only lock"
is "$(t getfattr --absolute-names --only-values -n user.disco.session "$K/lock")" "$session" "the attribute too"
mine=$(api /v1/session/create -X PUT -d '{"Name":"rival"}' | jq -r .ID)
is "$(api "/v1/kv/lock?acquire=$mine" -X PUT -d x)" false "HTTP does not get it"
timeout 120 flock "$K/lock" sh -c "echo got >'$T/got'" &
second=$!
fails "one who waits has it not yet" test -e "$T/got"
kill -KILL $first
ok "its holder killed, the next one gets it at once" until_ok 5 test -e "$T/got"
wait $second $first 2>/dev/null
ok "and lets it go" until_ok 5 is_free lock

ok "what was just let go is free for flock -n" t bash -c 'for i in $(seq 30); do flock "$1" true && flock -n "$1" true || exit 1; done' - "$K/again"

section "with HTTP"
is "$(api "/v1/kv/lock?acquire=$mine" -X PUT -d theirs)" true "HTTP takes it"
exits 1 "flock -n" t flock -n "$K/lock" true
timeout 120 flock "$K/lock" sh -c "echo got >'$T/got2'" &
second=$!
t flock -w 0.5 "$K/lock" true
fails "waits" test -e "$T/got2"
is "$(api "/v1/kv/lock?release=$mine" -X PUT -d theirs)" true "until HTTP gives it back"
ok "then gets it" until_ok 5 test -e "$T/got2"
wait $second
until_ok 5 is_free lock
is "$(t cat "$K/lock")" theirs "nobody's bytes were lost"

section "waiting"
hold lock
first=$!
until_ok 5 is_held lock
timeout 120 flock "$K/lock" true &
second=$!
until_ok 5 pgrep -P $second flock
pkill -KILL -P $second flock
ok "a waiter can be killed" until_ok 5 has_ended $second
exits 124 "and interrupted" timeout -s INT 0.3 flock "$K/lock" true
timeout 120 flock -s "$K/shared" sleep 60 &
third=$!
until_ok 5 is_held shared
ok "a shared lock is shared on this mount" t flock -s -n "$K/shared" true
exits 1 "but not with one that is not" t flock -n "$K/shared" true
kill $third
kill $first
wait $first $third 2>/dev/null
ok "all are free" until_ok 5 eval 'is_free lock && is_free shared'
is "$(t ls "$M/locks" | wc -l)" 0 "locks/ is empty"

section "writing under a lock"
echo 0 >"$K/counter"
cat >"$T/count.sh" <<'SH'
for i in $(seq 20); do
    exec 9<>"$1.lock"
    flock 9
    n=$(cat "$1")
    echo $((n + 1)) >"$1"
    exec 9>&-
done
SH
for i in 1 2 3 4; do bash "$T/count.sh" "$K/counter" & pids[i]=$!; done
wait "${pids[@]}"
is "$(t cat "$K/counter")" 80 "four programs count to 80 and lose nothing"
ok "the locked file itself may be written" python3 -c "
import fcntl, os
f = os.open('$K/self', os.O_RDWR | os.O_CREAT)
fcntl.flock(f, fcntl.LOCK_EX)
os.write(f, b'under lock')
os.fsync(f)
fcntl.flock(f, fcntl.LOCK_UN)
os.write(f, b', and after')
os.close(f)"
is "$(t cat "$K/self")" "under lock, and after" "and is"
fails "fcntl locks are refused" python3 -c "
import fcntl
fcntl.lockf(open('$K/self', 'r+'), fcntl.LOCK_EX)"
like "$(python3 -c "
import fcntl
fcntl.lockf(open('$K/self', 'r+'), fcntl.LOCK_EX)" 2>&1)" 'No locks available' "as ENOLCK"

section "lost"
ok "a lock whose session is destroyed: poll tells, writes fail with EIO, another can have it" timeout 120 \
    python3 - "$K/lost" "http://$HTTP" <<'PY'
import errno, fcntl, os, json, select, sys, time, urllib.request
path, url = sys.argv[1:3]
f = os.open(path, os.O_RDWR | os.O_CREAT)
fcntl.flock(f, fcntl.LOCK_EX)
p = select.poll()
p.register(f, select.POLLPRI)
assert p.poll(100) == [], "nothing is lost yet"
os.write(f, b"half")
key = json.load(urllib.request.urlopen(url + "/v1/kv/lost"))[0]
request = urllib.request.Request(url + "/v1/session/destroy/" + key["Session"], method="PUT")
urllib.request.urlopen(request).read()
assert p.poll(60000)[0][1] & select.POLLPRI, "told"
try:
    os.write(f, b"more")
    sys.exit("a write after the loss")
except OSError as e:
    assert e.errno == errno.EIO, e
try:
    os.close(f)
except OSError as e:
    assert e.errno == errno.EIO, e
assert open(path).read() == "", "what was written under the lost lock is not committed"
f = os.open(path, os.O_RDWR)
end = time.time() + 90
while True: # the key's lock delay goes by
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        break
    except BlockingIOError:
        assert time.time() < end
        time.sleep(0.1)
PY

section "the agent"
hold lock
first=$!
until_ok 5 is_held lock
stop_agent node1 KILL
kill $first
need_agent node1 -mount "$M"
ok "killed and started again, it gives back what it held" until_ok 10 is_free lock
hold lock
first=$!
until_ok 5 is_held lock
timeout 120 flock "$K/lock" true &
second=$!
until_ok 5 pgrep -P $second flock
stop_agent node1
is "$STATUS" 0 "it stops with a lock held and a waiter"
kill $first
wait $first $second 2>/dev/null
need_agent node1 -mount "$M"
ok "and then the lock is free" is_free lock
done_testing
