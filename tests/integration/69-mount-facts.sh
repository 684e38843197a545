#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What stat, df and du say is true and stays so over a restart; every file below services/ and nodes/
# is there and says what the API says; and what programs make of it.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m K=$T/m/kv
need_agent node1 -mount "$M"
api() { curl -sf -m 60 "http://$HTTP$1" "${@:2}"; }
t() { timeout 120 "$@"; }
put() { api "/v1/kv/$1" -X PUT --data-binary "$2" >/dev/null; }

section stat
put st/one 1 && put st/two 22
one=$(t stat -c '%i %Y %s' "$K/st/one")
sleep_until_next() { [ "$(date +%s)" != "$1" ]; }
until_ok 5 sleep_until_next "$(date +%s)"
put st/one 11
later=$(t stat -c %Y "$K/st/one")
ok "the time is that of the commit" [ "$later" -gt "$(cut -d' ' -f2 <<<"$one")" ]
isnt "$(t stat -c %i "$K/st/one")" "${one%% *}" "another version is another inode, as after a rename"
is "$(t stat -c %i "$K/st/two")" "$(t ls -i "$K/st" | sed -n 's/ *\([0-9]*\) two/\1/p')" "ls -i says the same number"
is "$(t stat -c %Z%X "$K/st/one")" "$later$later" "ctime and atime are it too"
before=$(t stat -c '%n %i %s %.9Y' "$K/st/one" "$K/st/two" "$K" "$M/services" "$M/services/consul" "$M/nodes/node1" | sed 's/ [^ ]*$//')
times=$(t stat -c '%.9Y' "$K/st/one" "$K/st/two")

section df and du
iused() { t df --output=iused "$M" | tail -1 | tr -d ' '; }
used() { t df --output=used -B1 "$M" | tail -1 | tr -d ' '; }
files=$(iused) used=$(used)
is "$files" "$(api '/v1/kv/?keys' | jq length)" "df -i counts the keys"
for i in $(seq 100); do echo "$i" >"$K/many$i"; done
is "$(iused)" $((files + 100)) "each"
head -c 400000 /dev/urandom >"$T/big"
put big "@$T/big"
grown=$(($(used) - used))
ok "df tells what they take ($grown bytes)" [ $grown -ge 400000 ] && ok "and not much more" [ $grown -lt 600000 ]
is "$(t du --apparent-size -B1 "$K/big" | cut -f1)" 400000 "du --apparent-size is the value's size"
is "$(t du -B512 "$K/big" | cut -f1)" $(((400000 + 511) / 512)) "du counts its blocks"
sum=$(api '/v1/kv/?recurse' | jq '[.[].Value // "" | length * 3 / 4 - (capture("(?<p>=*)$").p | length)] | add')
is "$(t du --apparent-size -s -B1 "$K" | cut -f1)" "$sum" "du -s sums the values"

section after a restart
stop_agent node1
start_agent node1 -mount "$M" || bail "no agent"
is "$(t stat -c '%n %i %s %.9Y' "$K/st/one" "$K/st/two" "$K" "$M/services" "$M/services/consul" "$M/nodes/node1" | sed 's/ [^ ]*$//')" \
    "$before" "inode numbers are the same"
is "$(t stat -c '%.9Y' "$K/st/one" "$K/st/two")" "$times" "and the times of keys"

section services and nodes
for n in 1 2 3; do
    status=passing && [ $n = 3 ] && status=critical
    api /v1/catalog/register -X PUT --data-binary '{"Node": "Host'$n'", "ID": "00000000-0000-0000-0000-00000000000'$n'", "Address": "10.0.0.'$n'",
        "NodeMeta": {"rack": "r'$n'"}, "Service": {"ID": "web'$n'", "Service": "Web", "Port": 808'$n', "Tags": ["v'$n'", "x"], "Meta": {"m": "v"}},
        "Check": {"CheckID": "c'$n'", "Name": "c", "Status": "'$status'", "ServiceID": "web'$n'", "Output": "out"}}' >/dev/null
done
S=$M/services/web
is "$(t sort "$S/healthy" | tr '\n' ' ')" "10.0.0.1:8081 10.0.0.2:8082 " "healthy: those that pass"
is "$(t cut -f1,2,3,4,5 "$S/nodes" | sort | tr '\t\n' ' ;')" \
    "Host1 10.0.0.1 8081 passing v1,x;Host2 10.0.0.2 8082 passing v2,x;Host3 10.0.0.3 8083 critical v3,x;" "nodes: all"
is "$(t cat "$S/tags/v2")" $'Host2\t10.0.0.2\t8082\tpassing\tv2,x' "tags/TAG"
is "$(t ls "$S/tags" | tr '\n' ' ')" "v1 v2 v3 x " "all tags are listed"
is "$(t jq -r '.[].Service.ID' "$S/json" | sort | tr '\n' ' ')" "web1 web2 web3 " "json"
is "$(t ls "$S/instances" | tr '\n' ' ')" "Host1:web1 Host2:web2 Host3:web3 " "instances"
I=$S/instances/Host3:web3
is "$(t cat "$I/address" "$I/port" "$I/status" "$I/tags" "$I/meta/m" | tr '\n' ' ')" "10.0.0.3 8083 critical v3 x v " \
    "address, port, status, tags, meta of one"
like "$(t cat "$I/checks/c3")" critical "its checks"
N=$M/nodes/host2
is "$(t cat "$N/address" "$N/status" "$N/id" "$N/meta/rack" | tr '\n' ' ')" \
    "10.0.0.2 $(t cat "$N/status") 00000000-0000-0000-0000-000000000002 r2 " "nodes/NAME, without case"
is "$(t ls "$N/services" "$N/checks" | tr '\n' ' ' | grep -o 'web2\|c2' | tr '\n' ' ')" "c2 web2 " "its services and checks"
is "$(t stat -c %i "$M/services/Web")" "$(t stat -c %i "$M/services/WEB")" "two spellings are one directory"
is "$(t ls "$M/services" | grep -ic '^web$')" 1 "listed once, as it is spelled"
is "$(t wc -c <"$S/nodes")" "$(t stat -c %s "$S/nodes")" "sizes are true"
is "$(t xargs -n1 echo server <"$S/healthy" | sort | head -1)" "server 10.0.0.1:8081" "healthy feeds xargs"
{
    printf 'defaults\n mode tcp\n timeout connect 1s\n timeout client 1s\n timeout server 1s\nlisten web\n bind 127.0.0.1:%s\n' "$(free_port)"
    t awk '{ printf " server web%d %s\n", NR, $1 }' "$S/healthy"
} >"$T/haproxy.cfg"
is "$(grep -c ' server web[12] 10' "$T/haproxy.cfg")" 2 "awk makes a configuration of HAProxy of it"
if command -v haproxy >/dev/null; then
    ok "that HAProxy takes" haproxy -c -f "$T/haproxy.cfg"
else
    skip "that HAProxy takes" "it is not installed"
fi
stop_agent node1
done_testing
