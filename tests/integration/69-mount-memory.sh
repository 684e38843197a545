#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a walk over all keys leaves in the agent's memory goes when the kernel forgets it, on a server
# and on an agent that has a copy of the state. MOUNT_MEMORY_KEYS=100000 for more keys.
# shellcheck disable=SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"
[ -w /proc/sys/vm/drop_caches ] || skip_all "the kernel cannot be made to forget (no root)"

keys=${MOUNT_MEMORY_KEYS:-10000}
need_agent s1 -mount "$T/m-s1"
server=$HTTP
inodes() { # NAME
    curl -sf -m 60 "http://127.0.0.1:${agent_http[$1]}/v1/agent/metrics" |
        jq '[.Gauges[] | select(.Name == "consul.fs.inodes") | .Value] | add // 0'
}
rss() { awk '/^VmRSS/ { print $2 }' "/proc/${agent_pid[$1]}/status"; }
python3 - "$server" "$keys" <<'PY' || bail "cannot put the keys"
import http.client, json, sys
c, n = http.client.HTTPConnection(sys.argv[1]), int(sys.argv[2])
names = ["m/d%d/k%d" % (i % 100, i) for i in range(n)]
for first in range(0, n, 64):
    c.request("PUT", "/v1/txn", json.dumps([{"KV": {"Verb": "set", "Key": k, "Value": "eA=="}} for k in names[first:first + 64]]))
    answer = c.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(1)
PY
agent_http[c1]=$(free_port)
"$DISCO" agent -node c1 -bind 127.0.0.1 -client 127.0.0.1 -data-dir "$T/c1" -http-port "${agent_http[c1]}" \
    -dns-port "$(free_port)" -server-port "$(free_port)" -serf-lan-port "$(free_port)" -mount "$T/m-c1" \
    -retry-join "127.0.0.1:${agent_serf[s1]}" >>"$T/c1.log" 2>&1 </dev/null &
agent_pid[c1]=$!
client_is_there() { curl -sf -m 60 "http://127.0.0.1:${agent_http[c1]}/v1/status/leader" | grep -q 127; }
until_ok 60 client_is_there || bail "no client agent"

has_forgotten() { # NAME: asked again, for the kernel drops what is in use by others later
    echo 2 >/proc/sys/vm/drop_caches
    [ "$(inodes "$1")" -lt $((keys / 20)) ]
}
for n in s1 c1; do
    section "$n"
    all_there() { [ "$(timeout 100 find "$T/m-$n/kv/m" -type f -size 1c | wc -l)" = "$keys" ]; }
    ok "a walk finds all keys" until_ok 60 all_there
    walked=$(rss $n)
    ok "the kernel knows them ($(inodes $n) inodes, $walked KiB)" [ "$(inodes $n)" -ge "$keys" ]
    ok "it forgets, and so does the agent" until_ok 30 has_forgotten $n
    diag "$n: $(inodes $n) inodes, $(rss $n) KiB"
    for _ in 1 2 3; do all_there; done
    ok "walking again and again makes no more of them" [ "$(inodes $n)" -le $((keys + keys / 20 + 200)) ]
done
done_testing
