#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# events/NAME: tail -f follows, poll wakes, a write fires. And reads that wait can be interrupted.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m E=$T/m/events
need_agent node1 -mount "$M"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
t() { timeout 120 "$@"; }

section "events"
is "$(t cat "$E/deploy")" "" "a name of which nothing happened is there, and empty"
is "$(t ls "$E")" "" "but not listed"
timeout 120 tail -n +1 -s 0.1 -f "$E/deploy" >"$T/followed" 2>"$T/tail.err" &
tail=$!
api /v1/event/fire/deploy -X PUT -d v1 >/dev/null
lines() { [ "$(wc -l <"$T/followed")" -eq "$1" ]; }
ok "tail -f shows an event fired by HTTP" until_ok 10 lines 1
is "$(jq -r '.Name + " " + .Text + " " + (.Payload | @base64d)' "$T/followed")" "deploy v1 v1" "as one line of JSON"
ok "echo fires" t bash -c "echo v2 >'$E/deploy'"
ok "and is followed" until_ok 10 lines 2
is "$(api '/v1/event/list?name=deploy' | jq -r '.[1].Payload' | base64 -d)" v2 "HTTP lists it"
ok ">> too" t bash -c "printf v3 >>'$E/deploy'"
ok "three" until_ok 10 lines 3
is "$(jq -r .Text "$T/followed" | tr '\n' ' ')" "v1 v2  v3 " "each once, in order"
is "$(t stat -c %s "$E/deploy")" "$(wc -c <"$T/followed")" "its size is true"
is "$(cat "$T/tail.err")" "" "tail had nothing to complain about"
kill $tail
is "$(t ls "$E")" deploy "it is listed"
: >"$E/deploy"
t touch "$E/deploy"
api '/v1/event/fire/a%2Fb' -X PUT >/dev/null
ok "a name with a slash" until_ok 5 test -s "$E/a%2Fb"
is "$(jq -r .Payload "$E/a%2Fb")" null "no payload"
is "$(t cat "$E/deploy" | wc -l)" 3 "nothing written, nothing fired"
exits 1 "more than an event may have" t dd if=/dev/zero of="$E/deploy" bs=1000 count=1
like "$ERR" 'File too large' "EFBIG"
fails "events are not removed" t rm -f "$E/deploy"
fails "nor renamed" t mv "$E/deploy" "$E/other"
ok "poll and epoll wake; select, too" timeout 120 python3 - "$E/wake" <<'PY'
import os, select, sys, threading, time
f = os.open(sys.argv[1], os.O_RDONLY)
fired = []
def fire():
    time.sleep(0.3)  # nothing may be told before it
    fired.append(wait)
    with open(sys.argv[1], "w") as w:
        w.write("now")
for wait in ("poll", "epoll", "select"):
    while os.read(f, 65536):
        pass
    threading.Thread(target=fire).start()
    if wait == "poll":
        p = select.poll(); p.register(f, select.POLLIN); got = p.poll(60000)
    elif wait == "epoll":
        p = select.epoll(); p.register(f, select.EPOLLIN | select.EPOLLET)
        p.poll(0); got = p.poll(60)
    else:
        got = select.select([f], [], [], 60)[0]
    assert got and fired[-1:] == [wait], wait
    assert b'"now"' in os.read(f, 65536), wait
PY

section "an open key"
echo one >"$M/kv/key"
ok "poll, epoll and select tell its change, for each version again" timeout 120 python3 - "$M/kv/key" "http://$HTTP/v1/kv/key" <<'PY'
import os, select, sys, threading, time, urllib.request
put_at = []
def put(value):
    put_at.append(value)
    urllib.request.urlopen(urllib.request.Request(sys.argv[2], data=value.encode(), method="PUT")).read()
for wait in ("poll", "epoll", "select"):
    f = os.open(sys.argv[1], os.O_RDONLY)
    change = threading.Timer(0.3, put, [wait])  # nothing may be told before it
    if wait == "poll":
        p = select.poll(); p.register(f, select.POLLPRI); assert p.poll(50) == []; change.start(); got = p.poll(60000)
    elif wait == "epoll":
        p = select.epoll(); p.register(f, select.EPOLLPRI); assert p.poll(0.05) == []; change.start(); got = p.poll(60)
    else:
        change.start(); got = select.select([], [], [f], 60)[2]
    assert got and put_at[-1:] == [wait], wait
    os.close(f)
    assert open(sys.argv[1]).read() == wait
PY

section "a read that waits"
cat "$M/.changes" >"$T/changes" &
reader=$!
until_ok 5 bash -c "ls -l /proc/$reader/fd | grep -q .changes" # before cat is cat, its shell may miss the signal
kill -TERM $reader
wait $reader
is $? 143 "is ended by a signal"
cat "$M/.changes" >/dev/null &
reader=$!
until_ok 5 bash -c "ls -l /proc/$reader/fd | grep -q .changes"
kill -KILL $reader
wait $reader 2>/dev/null
is $? 137 "by kill -9"
ok "a handler runs, and the read may go on" timeout 120 python3 - "$M/.changes" "http://$HTTP/v1/kv/seen" <<'PY'
import os, signal, sys, threading, urllib.request
seen = []
signal.signal(signal.SIGALRM, lambda *a: (seen.append(1), threading.Thread(target=lambda: urllib.request.urlopen(
    urllib.request.Request(sys.argv[2], data=b"x", method="PUT")).read()).start()))
f = os.open(sys.argv[1], os.O_RDONLY)
signal.setitimer(signal.ITIMER_REAL, 0.3)
assert b"kv/seen" in os.read(f, 4096) and seen
PY
exec 5<"$M/.changes"
echo x >"$M/kv/long"
read -r index what path <&5
exec 5<&-
is "$what $path" "create kv/long" "bash reads line by line"
[[ $index =~ ^[0-9]+$ ]]
tap_result $? "with the index"
stop_agent node1
is "$STATUS" 0 "it stops"
done_testing
