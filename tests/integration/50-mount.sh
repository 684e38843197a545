#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The mount: start, stop, what is where, what is refused, and every key under exactly one path.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m
mkdir -p "$T/twice-m"
# Keys with control bytes, as only this option lets HTTP take them.
echo '{"disable_http_unprintable_char_filter": true}' >"$T/keys.json"
need_agent node1 -mount "$M" -config-file "$T/keys.json"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
t() { timeout 120 "$@"; } # a mount that hangs fails the test, and does not hang it

section "what is there"
is "$(t ls "$M" | tr '\n' ' ')" "agent events index kv leader locks members nodes services status " "the top"
is "$(t cat "$M/leader")" "$(api /v1/status/leader | tr -d '"')" "leader"
like "$(t cat "$M/members")" $'^node1\t127.0.0.1\t[0-9]+\talive$' "members"
like "$(t cat "$M/index")" '^[0-9]+$' "index"
is "$(t stat -c %s "$M/members")" "$(t cat "$M/members" | wc -c)" "members: its size is true"
is "$(t cat "$M/nodes/node1/status")" passing "a node's status"
is "$(t cat "$M/services/consul/healthy")" "$(t cat "$M/leader")" "the healthy instances of a service"
like "$(t cat "$M/services/consul/nodes")" $'^node1\t127.0.0.1\t[0-9]+\tpassing\t-$' "and all of them"
ok "a service is registered" api /v1/catalog/register -X PUT -d \
    '{"Node":"google","Address":"www.google.com","Service":{"Service":"search","Port":80,"Tags":["x"]}}'
is "$(t cat "$M/services/search/nodes")" $'google\twww.google.com\t80\tpassing\tx' "and is there at once"
is "$(t cat "$M/services/SEARCH/tags/x")" $'google\twww.google.com\t80\tpassing\tx' "by tag, without case"
is "$(t cat "$M/services/search/json")" "$(api /v1/health/service/search)" "and as the API has it"
exits 1 "no such service" t cat "$M/services/nosuch/nodes"
fails "services are not written" t sh -c "echo x >'$M/services/search/nodes'"
fails "nor made" t mkdir "$M/services/new"

section "keys"
exits 1 "cat of an absent key" t cat "$M/kv/key1"
like "$ERR" 'No such file' "says so"
ok "echo" t sh -c "printf test >'$M/kv/key1'"
is "$(api '/v1/kv/key1?raw')" test "is what HTTP reads"
is "$(t stat -c %s "$M/kv/key1")" 4 "size"
api /v1/kv/key1 -X PUT -d 'more bytes' >/dev/null
is "$(t cat "$M/kv/key1")" 'more bytes' "what HTTP puts is what cat shows"
is "$(t stat -c %s "$M/kv/key1")" 10 "size"
api /v1/kv/key1 -X DELETE >/dev/null
exits 1 "and gone when HTTP deletes it" t cat "$M/kv/key1"
head -c 1000 /dev/urandom >"$T/bytes"
ok "256 different bytes" t cp "$T/bytes" "$M/kv/bin"
ok "come back the same" t cmp "$T/bytes" "$M/kv/bin"
before=$(date +%s)
api /v1/kv/time -X PUT -d x >/dev/null
mtime=$(t stat -c %Y "$M/kv/time")
ok "mtime is when it was written" test "$mtime" -ge "$((before - 1))" -a "$mtime" -le "$(date +%s)"

section "one name, two things"
api /v1/kv/both -X PUT -d value >/dev/null
is "$(t cat "$M/kv/both")" value "a value alone"
api /v1/kv/both/below -X PUT -d x >/dev/null
ok "with a key below it is a directory" until_ok 2 test -d "$M/kv/both"
is "$(t cat "$M/kv/both%v")" value "and the value is beside it"
until_ok 2 test -e "$M/kv/both%v"
is "$(t ls "$M/kv" | grep ^both | tr '\n' ' ')" "both both%v " "both are listed"
api /v1/kv/both/below -X DELETE >/dev/null
ok "without it a file again" until_ok 2 test -f "$M/kv/both"
is "$(t cat "$M/kv/both%v" "$M/kv/both")" valuevalue "under both names"

section "directories"
ok "mkdir" t mkdir "$M/kv/dir"
is "$(api '/v1/kv/dir/?keys')" '["dir/"]' "is the key that the UI writes for a folder"
is "$(t ls -A "$M/kv/dir")" "" "which is not listed in it"
exits 1 "mkdir again" t mkdir "$M/kv/dir"
ok "a file in it" t sh -c "echo x >'$M/kv/dir/f'"
exits 1 "rmdir of a full one" t rmdir "$M/kv/dir"
ok "rm" t rm "$M/kv/dir/f"
ok "it stays" t test -d "$M/kv/dir"
ok "rmdir" t rmdir "$M/kv/dir"
fails "and the key is gone" api '/v1/kv/dir/?keys'
for k in tree/a tree/b/c tree/b/d/e; do api /v1/kv/$k -X PUT -d x >/dev/null; done
ok "rm -r of what HTTP made" t rm -r "$M/kv/tree"
fails "leaves no key" api '/v1/kv/tree?keys'
for k in gone/a gone/b; do api /v1/kv/$k -X PUT -d x >/dev/null; done
t ls "$M/kv/gone" >/dev/null
api '/v1/kv/gone?recurse' -X DELETE >/dev/null
ok "deleted by HTTP, a directory goes too" until_ok 2 test ! -e "$M/kv/gone"

section "refused"
fails "links" t ln -s a "$M/kv/link"
fails "hard links" t ln "$M/kv/bin" "$M/kv/link"
fails "pipes" t mkfifo "$M/kv/pipe"
for name in '%61' '100%' '%zz' '%2f' 'a%'; do
    fails "the name $name, which no key has" t sh -c "echo x >'$M/kv/$name'"
done
fails "names over 255 bytes" t sh -c "echo x >'$M/kv/$(printf '%256s' x | tr ' ' k)'"
is "$(t stat -f -c %l "$M/kv")" 255 "statfs says so"
exits 1 "600 KiB into a key" t dd if=/dev/zero of="$M/kv/big" bs=600K count=1
like "$ERR" 'File too large' "is too much"
exits 1 "nothing of it is there" t cat "$M/kv/big"
fails "nor in the store" api /v1/kv/big
t sh -c "head -c 500000 /dev/zero >'$M/kv/big'"
is "$(t stat -c %s "$M/kv/big")" 500000 "500 000 bytes are not"
t rm "$M/kv/big"

section "every key under one path"
ok "awkward and random keys, made by HTTP: all there, once, with their values; find agrees with ?keys" \
    timeout 120 python3 "$TOP_SRCDIR/tests/integration/mount_keys.py" "http://$HTTP" "$M/kv" 1500

section "stop and start"
t touch "$M/kv/dated"
before=$(t stat -c %y "$M/kv/bin" "$M/kv/time" "$M/kv/dated")
exec 5<"$M/kv/bin"
stop_agent node1
is "$STATUS" 0 "SIGTERM with a file open: exit 0"
exec 5<&-
ok "unmounted" t test ! -e "$M/kv"
need_agent node1 -mount "$M"
is "$(t stat -c %y "$M/kv/bin" "$M/kv/time" "$M/kv/dated")" "$before" "times are what they were"
t cat "$M/kv/bin" >/dev/null
stop_agent node1 KILL
fails "after kill -9 the mount is dead" t cat "$M/kv/bin"
need_agent node1 -mount "$M"
ok "a restart mounts over it, and what was written is there" t cmp "$T/bytes" "$M/kv/bin"
is "$(grep -c " $M fuse" /proc/mounts)" 1 "once"
stop_agent node1
printf '%s\n' 'import os, sys' 'os.closerange(3, 256)' 'os.execv(sys.argv[1], sys.argv[1:])' >"$T/bare.py"
AGENT_WRAP="python3 $T/bare.py"
need_agent node1 -mount "$M"
unset AGENT_WRAP
sleep 1.5 # what must not happen, its guard would have done after half a second
ok "an agent that inherits no descriptors keeps its mount, too" t cmp "$T/bytes" "$M/kv/bin"
exits 124 "TERM to the agent and at once to its group, as timeout does" timeout 2 "$DISCO" agent \
    -server -bootstrap -bind 127.0.0.1 -data-dir "$T/twice" -http-port -1 -dns-port -1 \
    -server-port "$(free_port)" -serf-lan-port "$(free_port)" -serf-wan-port -1 -mount "$T/twice-m"
is "$(grep -c " $T/twice-m fuse" /proc/mounts)" 0 "leaves no dead mount"
exits 1 "a second agent at the same place" timeout 120 "$DISCO" agent -server -bootstrap -bind 127.0.0.1 \
    -data-dir "$T/second" -http-port -1 -dns-port -1 -server-port "$(free_port)" \
    -serf-lan-port "$(free_port)" -serf-wan-port -1 -mount "$M"
like "$OUT$ERR" "another agent's mount" "is told why"
exits 1 "a mount on a file" timeout 120 "$DISCO" agent -server -bootstrap -bind 127.0.0.1 \
    -data-dir "$T/second" -http-port -1 -dns-port -1 -server-port "$(free_port)" \
    -serf-lan-port "$(free_port)" -serf-wan-port -1 -mount "$T/bytes"
like "$OUT$ERR" 'not a directory' "is told too"
done_testing
