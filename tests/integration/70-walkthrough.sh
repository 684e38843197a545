#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A walk through a cluster's discovery, as a well-known introduction to Consul takes it: one server,
# its first answers, a service from outside, keys and values, health. Each number is a step of that
# walk; where a step has a twin through the mount, it follows at once. Commands are those a reader
# would type, on free ports. Steps that need several agents (joining, clients, leaders that die:
# 9, 10, 19 to 29, 35, 39 to 41) and those about containers (7) are left out.
# shellcheck source=tests/lib/tap.sh
. "${TOP_SRCDIR:-$(dirname "$0")/../..}/tests/lib/tap.sh"

if can_mount; then
    mount=$T/mnt
    mkdir "$mount"
    echo '{"mount": {"inotify": true}}' >"$T/inotify.json"
    mounting=(-mount "$mount" -config-file "$T/inotify.json")
else
    mount=
    mounting=()
fi
twin() { [ -n "$mount" ] || { skip "mount: $1" "this process may not mount"; return 1; }; }

# A recursor for step 15: www.google.com is where it says.
recursor_port=$(free_port)
python3 - "$recursor_port" <<'PY' &
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    q, peer = s.recvfrom(4096)
    end = 12
    while q[end]:
        end += q[end] + 1
    end += 5
    qtype = struct.unpack(">H", q[end - 4:end - 2])[0]
    records = [b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 77, 4) + bytes([192, 0, 2, i]) for i in (1, 2, 3)]
    if qtype != 1:
        records = []
    s.sendto(q[:2] + struct.pack(">HHHHH", 0x8180, 1, len(records), 0, 0) + q[12:end] + b"".join(records), peer)
PY
recursor=$!
trap 'kill $recursor 2>/dev/null; tap_cleanup' EXIT
until_ok 10 port_is_used "$recursor_port" || bail "no recursor"

section "1-6: start one server"
started=$(date +%s%N)
need_agent node1 -ui -enable-script-checks -recursor "127.0.0.1:$recursor_port" "${mounting[@]}"
elapsed=$((($(date +%s%N) - started) / 1000000))
IP=127.0.0.1 log=$(cat "$LOG")
[ -z "$mount" ] || until_ok 10 is_mounted "$mount" || diag "not mounted: $(tail -n 5 "$LOG")"
ok "1: the agent stays in the foreground and leads alone" kill -0 "$PID"
like "$log" 'bootstrap = true: do not enable unless necessary' "2: a warning that bootstrap mode is on"
like "$log" '==> Starting .*agent\.\.\.' "3: a banner"
like "$log" "Node name: 'node1'" "3: with the node's name"
like "$log" "Datacenter: 'dc1'" "3: the datacenter"
like "$log" 'Server: true \(Bootstrap: true\)' "3: what it is"
like "$log" "Client Addr: \[127.0.0.1\] \(HTTP: $HTTP_PORT, .*DNS: $DNS_PORT\)" "3: where clients find it"
like "$log" 'Cluster Addr: 127.0.0.1 \(LAN: [0-9]+, WAN: -?[0-9]+\)' "3: where members find it"
like "$log" 'Gossip: false, TLS-Outgoing: false, TLS-Incoming: false' "3: what is encrypted"
like "$log" 'Log data will now stream in as it occurs' "4: a line that the log follows"
events=$(grep -oE 'entering follower state|entering candidate state|election won|entering leader state|cluster leadership acquired|New leader elected|agent running' "$LOG" | awk '!seen[$0]++')
like "$events" 'entering follower state.*entering candidate state.*entering leader state.*cluster leadership acquired' \
    "5: follower, candidate, leader, in this order"
like "$log" 'agent: disco agent running!' "5: the agent says that it runs"
ok "6: a leader within 10 s, or 30 on a busy machine ($elapsed ms here)" test $elapsed -lt 30000

section "8: a single server is a single point of failure"
# (shown at the end, when it is stopped)

section "11, 12: first queries"
nodes=$(curl -s $IP:"$HTTP_PORT"/v1/catalog/nodes)
is "$(jq -r 'length, .[0].Node, .[0].Address' <<<"$nodes" | paste -sd' ')" "1 node1 127.0.0.1" \
    "11: curl \$IP:8500/v1/catalog/nodes"
is "$(jq -r '.[0] | keys_unsorted | join(" ")' <<<"$nodes")" \
    "ID Node Address Datacenter TaggedAddresses Meta CreateIndex ModifyIndex" "11: with all its members"
if twin "ls nodes"; then
    is "$(ls "$mount/nodes")" node1 "11 mount: ls nodes"
    is "$(cat "$mount/nodes/node1/address")" 127.0.0.1 "11 mount: cat nodes/node1/address"
fi
is "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' "http://$IP:$HTTP_PORT/")" \
    "301 http://$IP:$HTTP_PORT/ui/" "12: a browser is led to the page"
like "$(curl -s "http://$IP:$HTTP_PORT/ui/")" '<title>disco</title>' "12: which is there (47-ui.sh uses it)"
is "$(curl -s "http://$IP:$HTTP_PORT/v1/internal/ui/services" | jq -r 'map(.Name) | index("consul") != null')" true \
    "12: and is told the services"

section "13-18: a service from outside"
run curl -s -w '%{http_code}' -X PUT -d '{"Datacenter": "dc1", "Node": "google", "Address": "www.google.com", "Service": {"Service": "search", "Port": 80}}' \
    http://$IP:"$HTTP_PORT"/v1/catalog/register
is "$OUT" "true200" "13: curl -X PUT \$IP:8500/v1/catalog/register"
is "$(curl -s $IP:"$HTTP_PORT"/v1/catalog/services)" '{"consul":[],"search":[]}' \
    "14: curl \$IP:8500/v1/catalog/services, byte for byte"
if twin "ls services"; then
    # shellcheck disable=SC2012
    is "$(ls "$mount/services" | paste -sd' ')" "consul search" "14 mount: ls services"
    like "$(cat "$mount/services/search/nodes")" $'^google\twww.google.com\t80\tpassing' \
        "14 mount: cat services/search/nodes"
fi
run dig @$IP -p "$DNS_PORT" search.service.consul.
like "$OUT" 'status: NOERROR' "15: dig @\$IP -p 8600 search.service.consul."
like "$OUT" 'flags: qr aa rd ra; QUERY: 1, ANSWER: 4' "15: authoritative, with four answers"
like "$OUT" $'search.service.consul.\t+0\tIN\tCNAME\twww.google.com.' "15: the CNAME, TTL 0"
is "$(grep -cE $'^www.google.com.\t+0\tIN\tA\t192.0.2.[123]' <<<"$OUT")" 3 "15: its addresses, from the recursor"
is "$(curl -s $IP:"$HTTP_PORT"/v1/catalog/service/search | jq -r '.[0].Address, .[0].ServicePort' | paste -sd:)" \
    "www.google.com:80" "16: HTTP knows it as DNS does"
is "$(curl -s $IP:"$HTTP_PORT"/v1/catalog/node/google | jq -r .Node.Node)" google "17: without an agent on that host"
curl -s -X PUT -d '{"Node": "node2", "Address": "10.0.0.2", "Service": {"ID": "web1", "Service": "web", "Tags": ["v1"], "Port": 81}}' \
    http://$IP:"$HTTP_PORT"/v1/catalog/register >/dev/null
curl -s -X PUT -d '{"Node": "node3", "Address": "10.0.0.3", "Service": {"ID": "web2", "Service": "web", "Tags": ["v2"], "Port": 82}}' \
    http://$IP:"$HTTP_PORT"/v1/catalog/register >/dev/null
is "$(curl -s "$IP:$HTTP_PORT/v1/catalog/service/web?tag=v2" | jq -r '.[].Node')" node3 "18: by tag, over HTTP"
is "$(dig +short @$IP -p "$DNS_PORT" v2.web.service.consul)" 10.0.0.3 "18: by tag, over DNS"
is "$(dig +short @$IP -p "$DNS_PORT" v2.web.service.consul SRV | cut -d' ' -f3)" 82 "18: with its port"
if twin "services/web"; then
    is "$(cut -f1 "$mount/services/web/nodes" | sort | paste -sd' ')" "node2 node3" "18 mount: services/web/nodes"
fi

section "30-36: keys and values"
run curl -sv $IP:"$HTTP_PORT"/v1/kv/key1
like "$ERR" 'HTTP/1.1 404 Not Found' "30: curl -v \$IP:8500/v1/kv/key1, before it exists"
like "$ERR" 'X-Consul-Index: [1-9]' "30: with an index of at least 1"
like "$ERR" 'X-Consul-Knownleader: true' "30: a leader"
like "$ERR" 'X-Consul-Lastcontact: 0' "30: and its last contact"
like "$ERR" 'Content-Length: 0' "30: and no body"
if twin "cat a missing key"; then
    exits 1 "30 mount: cat kv/key1" cat "$mount/kv/key1"
    like "$ERR" 'No such file or directory' "30 mount: no such file"
fi
is "$(curl -s -X PUT -d 'test' http://$IP:"$HTTP_PORT"/v1/kv/key1)" true "31: curl -X PUT -d 'test' \$IP:8500/v1/kv/key1"
run curl -sv $IP:"$HTTP_PORT"/v1/kv/key1
like "$ERR" 'HTTP/1.1 200 OK' "32: curl -v \$IP:8500/v1/kv/key1"
like "$ERR" 'Content-Type: application/json' "32: JSON"
like "$OUT" '^\[\{"LockIndex":0,"Key":"key1","Flags":0,"Value":"dGVzdA==","CreateIndex":[0-9]+,"ModifyIndex":[0-9]+\}\]$' \
    "32: one object, its members in this order"
is "$(tail -c 1 "$T/run.out")" "]" "32: no newline at the end"
is "$(jq '.[0].CreateIndex == .[0].ModifyIndex' <<<"$OUT")" true "32: created and modified at one index"
index=$(jq '.[0].ModifyIndex' <<<"$OUT")
like "$ERR" "X-Consul-Index: $index" "33: the index of the answer is the key's"
if twin "read the key"; then
    is "$(cat "$mount/kv/key1")" test "32 mount: cat kv/key1 prints what curl wrote"
    is "$(stat -c %s "$mount/kv/key1")" 4 "32 mount: its size"
    is "$(getfattr --absolute-names --only-values -n user.consul.modify_index "$mount/kv/key1")" "$index" \
        "33 mount: getfattr"
    exits 0 "31 mount: printf > kv/key2" sh -c "printf other > '$mount/kv/key2'"
    is "$(curl -s "$IP:$HTTP_PORT/v1/kv/key2?raw")" other "31 mount: curl reads what printf wrote"
    is "$(stat -c %s "$mount/kv/key2")" 5 "31 mount: its size"
fi
for i in $(seq 0 255); do printf '%b' "\\x$(printf %02x "$i")"; done >"$T/bytes"
curl -s -X PUT --data-binary @"$T/bytes" http://$IP:"$HTTP_PORT"/v1/kv/bytes >/dev/null
curl -s "$IP:$HTTP_PORT/v1/kv/bytes?raw" >"$T/bytes.back"
ok "34: 256 different bytes come back the same" cmp "$T/bytes" "$T/bytes.back"
is "$(curl -s "$IP:$HTTP_PORT/v1/kv/bytes" | jq -r '.[0].Value' | base64 -d | md5sum)" "$(md5sum <"$T/bytes")" \
    "34: also as base64"
if twin "bytes"; then ok "34 mount: cmp" cmp "$T/bytes" "$mount/kv/bytes"; fi
# 36: an application waits for the next value instead of asking again and again
curl -s "$IP:$HTTP_PORT/v1/kv/feature?index=$(curl -s -o /dev/null -D - "$IP:$HTTP_PORT/v1/kv/feature" | tr -d '\r' | awk -F': ' 'tolower($1) == "x-consul-index" { print $2 }')&wait=20s" \
    >"$T/feature" &
waiting=$!
curl -s -X PUT -d on http://$IP:"$HTTP_PORT"/v1/kv/feature >/dev/null
wait $waiting
is "$(jq -r '.[0].Value' "$T/feature" | base64 -d)" on "36: a blocked read returns with the new value"
if twin "a change"; then
    is "$(cat "$mount/kv/feature")" on "36 mount: cat"
    curl -s -X PUT -d off http://$IP:"$HTTP_PORT"/v1/kv/feature >/dev/null
    is "$(cat "$mount/kv/feature")" off "36 mount: the next cat shows the change"
    if command -v inotifywait >/dev/null; then
        inotifywait -q -m -t 20 "$mount/kv" >"$T/feature.events" 2>/dev/null &
        watching=$!
        until_ok 5 bash -c "cat '$mount/kv/feature'; grep -q feature '$T/feature.events'"
        curl -s -X PUT -d on http://$IP:"$HTTP_PORT"/v1/kv/feature >/dev/null
        ok "36 mount: inotify tells of it" until_ok 5 grep -q 'MODIFY feature' "$T/feature.events"
        kill $watching
    fi
fi

section "37, 38: health"
# What the catalog is told of nodes without an agent.
put_check() {
    curl -s -X PUT -d "{\"Node\": \"node2\", \"Address\": \"10.0.0.2\", \"Check\": {\"Node\": \"node2\", \"CheckID\": \"web1\", \"Name\": \"web\", \"ServiceID\": \"web1\", \"Status\": \"$1\"}}" \
        http://$IP:"$HTTP_PORT"/v1/catalog/register >/dev/null
}
web() { dig +short @$IP -p "$DNS_PORT" web.service.consul | sort | paste -sd' '; }
is "$(web)" "10.0.0.2 10.0.0.3" "38: dig shows all instances"
put_check critical
is "$(web)" "10.0.0.3" "37, 38: one whose check is critical is left out of DNS"
is "$(curl -s "$IP:$HTTP_PORT/v1/health/service/web?passing" | jq -r '.[].Node.Node')" node3 "38: and out of ?passing"
is "$(curl -s "$IP:$HTTP_PORT/v1/catalog/service/web" | jq length)" 2 "38: the catalog still has it"
if twin "healthy"; then
    is "$(cat "$mount/services/web/healthy")" 10.0.0.3:82 "38 mount: services/web/healthy"
fi
put_check passing
is "$(web)" "10.0.0.2 10.0.0.3" "37: it is back when the check passes"
curl -s -X PUT -d '{"Node": "node3", "Address": "10.0.0.3", "Check": {"Node": "node3", "CheckID": "c", "Name": "c", "Status": "critical"}}' \
    http://$IP:"$HTTP_PORT"/v1/catalog/register >/dev/null
put_check critical
run dig @$IP -p "$DNS_PORT" web.service.consul
like "$OUT" 'status: NXDOMAIN' "38: all critical: NXDOMAIN"
like "$OUT" $'consul.\t+0\tIN\tSOA\t' "38: with the SOA"

section "37, 39: checks that the agent runs"
# A check can be an HTTP endpoint or a value of the node; a service registers with its agent.
mkdir "$T/site"
echo well >"$T/site/health"
site_port=$(free_port)
python3 -m http.server -b 127.0.0.1 -d "$T/site" "$site_port" >"$T/site.log" 2>&1 &
site=$!
echo 10 >"$T/load" # per cent of the CPU, as a script would find it
curl -s -X PUT -d "{\"Name\": \"shop\", \"Port\": 8088, \"Check\": {\"HTTP\": \"http://127.0.0.1:$site_port/health\", \"Interval\": \"1s\"}}" \
    http://$IP:"$HTTP_PORT"/v1/agent/service/register
curl -s -X PUT -d "{\"ID\": \"cpu\", \"Name\": \"CPU above 90 %\", \"Args\": [\"sh\", \"-c\", \"test \$(cat $T/load) -le 90 || exit 2\"], \"Interval\": \"1s\"}" \
    http://$IP:"$HTTP_PORT"/v1/agent/check/register
shops() { dig +short @$IP -p "$DNS_PORT" shop.service.consul | wc -l; }
passing() { curl -s "$IP:$HTTP_PORT/v1/health/service/shop?passing" | jq length; }
follows() { # N: DNS, health and mount agree
    [ "$(shops)" = "$1" ] && [ "$(passing)" = "$1" ] || return 1
    [ -z "${mounting[*]}" ] || [ "$(cat "$mount/services/shop/healthy" | wc -l)" = "$1" ]
}
ok "37: the endpoint and the node are well: DNS, health and mount show the service" until_ok 15 follows 1
rm "$T/site/health"
ok "37: the endpoint answers 404: it is gone from all of them" until_ok 15 follows 0
echo well >"$T/site/health"
ok "37: and back" until_ok 15 follows 1
echo 95 >"$T/load"
ok "37: the node's CPU is above 90 %: gone" until_ok 15 follows 0
echo 20 >"$T/load"
ok "37: and back" until_ok 15 follows 1
kill $site
curl -s -X PUT http://$IP:"$HTTP_PORT"/v1/agent/service/deregister/shop
curl -s -X PUT http://$IP:"$HTTP_PORT"/v1/agent/check/deregister/cpu
is "$(curl -s "$IP:$HTTP_PORT/v1/catalog/service/shop")" "[]" "39: deregistered with its agent"

section "8 again: stopped in order, nobody answers"
stop_agent node1
is "$STATUS" 0 "SIGTERM: exit 0"
exits 7 "8: the single server was a single point of failure" curl -s $IP:"$HTTP_PORT"/v1/catalog/nodes
if twin "unmounted"; then fails "the mount is gone" is_mounted "$mount"; fi

section "a restart knows everything"
need_agent node1 "${mounting[@]}"
is "$(curl -s "$IP:$HTTP_PORT/v1/kv/key1?raw")" test "the key is there"
is "$(curl -s "$IP:$HTTP_PORT/v1/catalog/service/search" | jq length)" 1 "the service is there"

done_testing
