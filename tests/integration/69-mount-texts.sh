#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# services/ and nodes/ are kept by the kernel, and nothing of it is stale: names, listings, sizes and
# texts follow what HTTP did, whatever was looked at before; read again, they cost one request.
# shellcheck disable=SC2317
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"
can_mount || skip_all "no /dev/fuse, or not root and no fusermount3"

M=$T/m
need_agent node1 -mount "$M"
api() { curl -sf -m 20 "http://$HTTP$1" "${@:2}"; }
t() { timeout 120 "$@"; }
register() { # NODE SERVICE ID PORT STATUS [TAG]
    api /v1/catalog/register -X PUT --data-binary '{"Node": "'"$1"'", "Address": "10.0.0.1", "NodeMeta": {"rack": "r1"},
        "Service": {"ID": "'"$3"'", "Service": "'"$2"'", "Port": '"$4"', "Tags": ["'"${6:-v1}"'"], "Meta": {"m": "v"}},
        "Check": {"CheckID": "c-'"$3"'", "Name": "c", "Status": "'"$5"'", "ServiceID": "'"$3"'", "Output": "out"}}' >/dev/null
}
deregister() { api /v1/catalog/deregister -X PUT --data-binary "$1" >/dev/null; }
requests() { api /v1/agent/metrics | jq '[.Counters[] | select(.Name | endswith("fs.requests")) | .Count] | add'; }
walk() { t find "$M/services" "$M/nodes" -type f -size +0 -exec cat {} + >"$T/walked"; }
says() { is "$(t cat "$M/$1")" "$2" "$3"; }
is_size() { [ "$(t stat -c %s "$1")" = "$2" ]; }
shows() { [ "$(t ls "$1" | tr '\n' ' ')" = "$2" ]; }

register n1 web web1 81 passing
S=$M/services/web
section texts
walk
says services/web/healthy "10.0.0.1:81" "a service"
register n1 web web1 82 passing
says services/web/healthy "10.0.0.1:82" "another port: the next open shows it"
says services/web/instances/n1:web1/port 82 "also of the instance"
says nodes/n1/services/web1 "$(printf 'web\t-\t82\tv1')" "and of the node"
is "$(t jq -c '[.[].Service.Port]' "$S/json")" "[82]" "and in the document"
register n2 web web2 83 critical v2
is "$(t sort "$S/nodes" | cut -f1,3,4 | tr '\t\n' ', ')" "n1,82,passing n2,83,critical " "another instance"
is "$(t stat -c %s "$S/nodes")" "$(t wc -c <"$S/nodes")" "the size is that of the text"
register n2 web web2 83 passing v2
is "$(t sort "$S/healthy" | tr '\n' ' ')" "10.0.0.1:82 10.0.0.1:83 " "a check that passes again"
says nodes/n2/status passing "and its node"
bad=0
for i in $(seq 50); do
    register n1 web web1 $((1000 + i)) passing
    [ "$(t cat "$S/instances/n1:web1/port")" = $((1000 + i)) ] || bad=$((bad + 1))
    grep -q ":$((1000 + i))\$" "$S/healthy" || bad=$((bad + 1))
done
is $bad 0 "each of fifty changes is what the next open shows"

section names
walk
ok "listed" until_ok 5 shows "$S/tags" "v1 v2 "
register n2 web web2 83 passing v3
ok "a tag came and one went" until_ok 5 shows "$S/tags" "v1 v3 "
ok "the old one is not there" until_ok 5 test ! -e "$S/tags/v2"
says services/web/tags/v3 "$(printf 'n2\t10.0.0.1\t83\tpassing\tv3')" "the new one is"
t cat "$M/services/WEB/healthy" "$M/nodes/N2/address" >"$T/out"
register n2 db db1 90 passing
ok "a service is listed" until_ok 5 shows "$M/services" "consul db web "
deregister '{"Node": "n2", "ServiceID": "db1"}'
ok "and when it is gone not" until_ok 5 shows "$M/services" "consul web "
ok "nor found" until_ok 5 test ! -e "$M/services/db"
exec 5<"$M/nodes/n2/address"
cd "$M/nodes/n2" || bail "no directory of the node"
deregister '{"Node": "n2"}'
ok "a node that is gone is not listed" until_ok 5 shows "$M/nodes" "n1 node1 "
ok "nor found" until_ok 5 test ! -e "$M/nodes/n2/address"
ok "nor by another spelling" until_ok 5 test ! -e "$M/nodes/N2"
ok "nor in the service" until_ok 5 test ! -e "$S/instances/n2:web2"
is "$(t cat <&5)" 10.0.0.1 "who had a file open keeps what he opened"
cd "$T" || bail "no way back"
exec 5<&-
register n2 web web2 84 passing
says nodes/n2/services/web2 "$(printf 'web\t-\t84\tv1')" "it comes back"
is "$(t sort "$S/healthy" | tr '\n' ' ')" "10.0.0.1:1050 10.0.0.1:84 " "to its service, too"
is "$(t cat "$M/services/WEB/healthy" | wc -l)" 2 "by any spelling"

section sizes
size=$(t stat -c %s "$S/healthy")
register n2 web web2 8 passing
ok "stat follows" until_ok 5 is_size "$S/healthy" $((size - 1))

section cost
walk
walk
before=$(requests)
for i in $(seq 100); do t cat "$S/nodes"; done >"$T/out"
one=$((($(requests) - before) / 100))
ok "reading again costs open and close ($one requests each)" [ "$one" -le 2 ]
for try in 1 2 3 4 5; do # the agent's own checks may have changed something meanwhile
    before=$(requests)
    t find "$M/services" "$M/nodes" -type f -size +0 >"$T/out"
    n=$(($(requests) - before)) dirs=$(t find "$M/services" "$M/nodes" -type d | wc -l)
    [ $n -le $((dirs * 3 + 5)) ] && break
done
ok "find of all costs requests for directories alone ($n, $dirs directories, walk $try)" [ $n -le $((dirs * 3 + 5)) ]
done_testing
