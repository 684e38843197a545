#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Watching the mount: inotify sees what was changed by HTTP (mount.inotify), poll wakes on a change
# of an open key, and the file of changes tells each one.
# shellcheck disable=SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m K=$T/m/kv
echo '{"mount": {"inotify": true}}' >"$T/inotify.json"
need_agent node1 -mount "$M" -config-file "$T/inotify.json"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
put() { api "/v1/kv/$1" -X PUT -d "$2" >/dev/null; }
t() { timeout 120 "$@"; }

section "the file of changes"
t stat "$K" >/dev/null
mkfifo "$T/pipe"
timeout 300 cat "$M/.changes" >"$T/changes" &
reader=$!
has() { grep -qP "$1" "$T/changes"; }
until_ok 5 bash -c "ls -l /proc/$reader/fd /proc/\$(pgrep -P $reader)/fd 2>/dev/null | grep -q .changes"
ok "PUT of a new key" put a/b one
ok "the directory" until_ok 5 has '^\d+\tmkdir\tkv/a$'
ok "and the key" until_ok 5 has '^\d+\tcreate\tkv/a/b$'
api /v1/event/fire/deploy -X PUT >/dev/null
until_ok 5 bash -c "curl -s http://$HTTP/v1/event/list | grep -q deploy" || diag "no event"
put a/b two
ok "a new value" until_ok 5 has '^\d+\tmodify\tkv/a/b$'
t mv "$K/a/b" "$K/a/c"
ok "rename, on the mount" until_ok 5 has '^\d+\trename\tkv/a/b\tkv/a/c$'
t mv "$K/a" "$K/d"
ok "of a directory" until_ok 5 has '^\d+\trename\tkv/a\tkv/d$'
api /v1/kv/d/c -X DELETE >/dev/null
ok "DELETE" until_ok 5 has '^\d+\tdelete\tkv/d/c$'
ok "and its directory" until_ok 5 has '^\d+\trmdir\tkv/d$'
api /v1/catalog/register -X PUT -d '{"Node":"n2","Address":"10.0.0.2","Service":{"Service":"web","Port":80}}' >/dev/null
ok "a service" until_ok 5 has '^\d+\tservice\tservices/web$'
ok "a node" until_ok 5 has '^\d+\tnode\tnodes/n2$'
is "$(grep -cP '\tmkdir\tkv/a$|\tcreate\tkv/a/b$' "$T/changes")" 2 "what was there is not new after a user event"
is "$(grep -cP '\t(create|delete)\tkv/(a/c|a/b|d/c)$' "$T/changes")" 2 "a rename is not told twice"
kill $reader
ok "a reader ends with TERM" until_ok 5 has_ended $reader
exits 124 "or a timeout" timeout 0.3 cat "$M/.changes"
is "$(t ls -A "$M" | grep -c changes)" 0 "it is not listed: grep -r would not end"

section "poll"
put polled one
ok "poll of an open key wakes when it changes" timeout 120 python3 - "$K/polled" "http://$HTTP/v1/kv/polled" <<'PY'
import os, select, sys, time, urllib.request
path, url = sys.argv[1:3]
def put(value):
    urllib.request.urlopen(urllib.request.Request(url, data=value, method="PUT")).read()
for how in ("poll", "epoll"):
    f = os.open(path, os.O_RDONLY)
    os.read(f, 100)
    if how == "poll":
        p = select.poll()
        p.register(f, select.POLLPRI)
        assert p.poll(50) == [], "nothing has changed yet"
        put(how.encode())
        got = p.poll(60000)
    else:
        p = select.epoll()
        p.register(f, select.EPOLLPRI)
        assert p.poll(0.05) == [], "nothing has changed yet"
        put(how.encode())
        got = p.poll(60)
    assert got and got[0][1] & select.POLLPRI, got
    os.close(f)
    assert open(path).read() == how
f = os.open(path.rsplit("/", 2)[0] + "/.changes", os.O_RDONLY)
p = select.poll()
p.register(f, select.POLLIN)
assert p.poll(50) == []
put(b"more")
assert p.poll(60000)[0][1] & select.POLLIN
assert b"modify\tkv/polled\n" in os.read(f, 4096)
PY

section "inotify"
command -v inotifywait >/dev/null || { skip "inotify" "no inotifywait"; done_testing; exit; }
put watched/old x
put watched/sub/deep x
put watched/moves x
put watched/gone x
t ls -R "$K/watched" >/dev/null
inotifywait -q -m -r --format '%e %w%f' "$K/watched" >"$T/events" 2>"$T/inotify.err" &
watcher=$!
saw() { grep -qE "$1" "$T/events"; }
until_ok 10 bash -c "cd '$K/watched' && : >probe && grep -q probe '$T/events'"
t rm -f "$K/watched/probe"
put watched/old changed
ok "modify" until_ok 5 saw "^MODIFY $K/watched/old$"
ok "close_write" until_ok 5 saw "^CLOSE_WRITE,CLOSE $K/watched/old$"
index=$(api /v1/kv/watched/old | jq .[0].ModifyIndex)
put watched/new x
ok "create" until_ok 5 saw "^CREATE $K/watched/new$"
api /v1/kv/watched/gone -X DELETE >/dev/null
ok "delete" until_ok 5 saw "^DELETE $K/watched/gone$"
put watched/sub/deep2 x
ok "below" until_ok 5 saw "^CREATE $K/watched/sub/deep2$"
put watched/dir/inside x
ok "a new directory" until_ok 5 saw "^CREATE,ISDIR $K/watched/dir$"
put watched/dir/later x
ok "which is watched too" until_ok 5 saw "^CREATE $K/watched/dir/later$"
api '/v1/kv/watched/dir?recurse' -X DELETE >/dev/null
ok "and goes" until_ok 5 saw "^DELETE,ISDIR $K/watched/dir$"
is "$(t cat "$K/watched/old")" changed "the values are what HTTP wrote"
is "$(api '/v1/kv/watched?keys' | jq -r '.[]' | sort | tr '\n' ' ')" \
    "watched/moves watched/new watched/old watched/sub/deep watched/sub/deep2 " "and nothing was changed by the repeating"
is "$(api /v1/kv/watched/old | jq .[0].ModifyIndex)" "$index" "not the index either"
for i in $(seq 200); do put "watched/many$i" "$i"; done
ok "200 more" until_ok 10 bash -c "[ \$(grep -c '^CREATE .*/many' '$T/events') -ge 200 ]"
t sh -c "echo local >'$K/watched/old'"
t touch "$K/watched/after"
until_ok 5 saw "^CREATE $K/watched/after$" # what came before it has been told
n=$(grep -c "^MODIFY $K/watched/old$" "$T/events")
put watched/last x
until_ok 5 saw "^CREATE $K/watched/last$"
is "$(grep -c "^MODIFY $K/watched/old$" "$T/events")" "$n" "what was done on the mount is not told twice"
kill $watcher
stop_agent node1
is "$STATUS" 0 "stop"
done_testing
